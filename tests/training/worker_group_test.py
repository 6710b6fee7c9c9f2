"""What workers tell each other; two real ones are in `multi_worker_test`."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from training.worker_group import ALONE
from training.worker_group import WorkerGroup
from training.worker_group import WorkerLostError


def test_a_process_alone_is_its_own_chief(two_replicas):
    for group in (ALONE, WorkerGroup(two_replicas)):
        assert (group.num_workers, group.is_chief) == (1, True)
        value = {"step": 3, "best": float("inf")}
        assert group.told(value) is value
        array = np.arange(3)
        assert group.sum(array) is array
        assert group.array_of_chief(array) is array
        group.wait()
        assert not group.lost(tf.errors.UnavailableError(None, None, ""))


class Chorus(WorkerGroup):
    """The chief of two workers, the other of which has nothing to add."""

    def __init__(self, is_chief=True, heard=None):
        super().__init__(None)
        self.num_workers, self.is_chief = 2, is_chief
        self.sums = []
        self.heard = list(heard or ())

    def sum(self, values):
        self.sums.append(np.array(values))
        return values + (self.heard.pop(0) if self.heard else 0)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[-0.0, np.nan], [1e-40, np.inf]], "float32"),
        np.array(2**40, "int64"),
        np.array([1, 2, 3], "uint8"),
        np.array([0.1], "float16"),
        np.zeros((0, 3), "float64"),
        np.array([True, False]),
    ],
    ids=lambda a: a.dtype.name,
)
def test_an_array_reaches_the_others_bit_for_bit(array):
    chief = Chorus()
    assert chief.array_of_chief(array).tobytes() == array.tobytes()
    # The other one adds zeros, and hears what the chief added.
    other = Chorus(is_chief=False, heard=chief.sums)
    found = other.array_of_chief(np.zeros_like(array))
    assert found.tobytes() == array.tobytes()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert not other.sums[0].any()


def test_the_chiefs_word_reaches_the_others():
    value = {"history": [{"loss": 0.1}], "best": float("inf"), "epoch": None}
    chief = Chorus()
    assert chief.told(value) == value
    assert Chorus(is_chief=False, heard=chief.sums).told("unheard") == value


@pytest.mark.parametrize("size", [0, 5, 16, 35])
def test_a_file_reaches_hosts_that_share_no_disk(size, tmp_path, monkeypatch):
    monkeypatch.setattr("training.worker_group._PART", 16)
    content = bytes(range(200, 200 + size))
    path = str(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_bytes(content)
    assert ALONE.file_of_chief(path, "nowhere") == path
    chief = Chorus()
    assert chief.file_of_chief(path, "nowhere") == path
    (tmp_path / "model.keras").unlink()
    other = Chorus(is_chief=False, heard=chief.sums)
    copy = pathlib.Path(other.file_of_chief(path, tmp_path))
    assert copy.read_bytes() == content and copy.suffix == ".keras"
    assert len(chief.sums) == len(other.sums) and not other.heard


def test_errors_of_a_broken_group_are_told_from_others():
    group = Chorus()
    assert group.lost(tf.errors.UnavailableError(None, None, ""))
    assert not group.lost(tf.errors.InvalidArgumentError(None, None, ""))
    assert not group.lost(tf.errors.ResourceExhaustedError(None, None, ""))
    assert issubclass(WorkerLostError, RuntimeError)
