import contextlib
import os

import pytest

from training.silent_import import _muted


@pytest.mark.parametrize(
    "error, shown",
    [(ImportError, "of a library"), (KeyboardInterrupt, "")],
)
def test_what_libraries_write_is_shown_with_their_errors_alone(
    error, shown, capfd
):
    with contextlib.suppress(error), _muted():
        os.write(2, b"of a library")
        raise error
    os.write(2, b".")
    assert capfd.readouterr().err == shown + "."
