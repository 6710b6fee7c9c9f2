"""Models that older versions kept answer and train on as they did."""

import keras
import numpy as np
import pytest

from tests.conformance.rows import REPRESENTATIVES
from tests.conformance.rows import SLOW
from tests.conformance.table import EVERY_MODEL
from tests.conformance.toys import TOYS
from tests.golden.golden import FOLDER
from tests.golden.golden import answers
from tests.golden.golden import arithmetic
from tests.golden.golden import has_the_writers_threads
from tests.golden.golden import weights_one_update_later

NAMES = sorted(path.stem for path in FOLDER.glob("*.keras"))


def test_every_row_of_the_table_has_a_kept_model():
    assert set(NAMES) >= set(EVERY_MODEL) - set(TOYS)


@pytest.mark.parametrize(
    "name",
    [n if n in REPRESENTATIVES else pytest.param(n, marks=SLOW) for n in NAMES],
)
def test_a_kept_model_answers_and_trains_on_as_it_did(name):
    kept = dict(np.load(FOLDER / f"{name}.npz"))
    # Another processor rounds sums in another order.
    same_bits = (
        np.array_equal(kept.pop("arithmetic"), arithmetic())
        and has_the_writers_threads()
    )
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    found = answers(model, name) | weights_one_update_later(model, name)
    assert kept.keys() <= found.keys()
    for key, value in kept.items():
        if same_bits or value.dtype.kind not in "fc":
            np.testing.assert_array_equal(found[key], value, err_msg=key)
        else:
            np.testing.assert_allclose(
                found[key], value, rtol=1e-4, atol=1e-5, err_msg=key
            )
