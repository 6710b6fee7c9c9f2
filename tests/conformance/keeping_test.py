"""Training goes on as it was: from a file, a checkpoint, on more replicas.

What a file keeps does not depend on how steps run: they are eager, which traces
nothing.
"""

from tests.conformance import training_promises as promises
from tests.conformance.instances import compiled
from tests.conformance.instances import trainer
from tests.conformance.rows import all_but_slow
from tests.conformance.table import EVERY_MODEL

# Models loaded from a file: a second instance.
_LOADED = {}


@all_but_slow(EVERY_MODEL)
def test_keras_file_keeps_outputs_and_the_next_step(case, tmp_path):
    path = tmp_path / "model.keras"
    model = trainer(case, mode="eager")
    again = promises.keras_file_keeps_all(model, case, path)
    _LOADED.clear()
    _LOADED[case] = again


@all_but_slow(EVERY_MODEL)
def test_resumed_equals_uninterrupted(case, tmp_path):
    other = _LOADED.pop(case, None) or compiled(case, mode="eager")
    promises.resumes(trainer(case, mode="eager"), other, case, tmp_path)


@all_but_slow(EVERY_MODEL)
def test_two_replicas_equal_one(case, two_replicas):
    two = compiled(case, two_replicas, **case.quiet)
    promises.trains_alike_on_two_replicas(trainer(case, quiet=True), two, case)
