"""Every promise of an exported model, in a process without our package."""

from tests.conformance import serving_promises as promises
from tests.conformance.instances import exportable
from tests.conformance.rows import every_but_slow
from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import SAMPLING


@every_but_slow(EVERY_MODEL)
def test_answers_as_the_python_model(answers_of, case):
    promises.answers_as_python(answers_of(case), exportable(case))


@every_but_slow(EVERY_MODEL)
def test_a_row_is_answered_alike_alone_and_in_a_batch(answers_of, case):
    promises.answers_rows_alone_and_together_alike(answers_of(case))


@every_but_slow(EVERY_MODEL)
def test_bad_requests_are_refused_and_the_next_one_answered(answers_of, case):
    promises.refuses_bad_requests(answers_of(case), case)


@every_but_slow(SAMPLING)
def test_python_samples_equal_served_ones(answers_of, case):
    promises.samples_as_served(answers_of(case), exportable(case), case)


def test_export_replaces_an_older_model_and_lists_its_signatures(tmp_path):
    model = exportable(EVERY_MODEL["NADE"])
    for _ in range(2):
        model.export(tmp_path / "nade")
    graph = (tmp_path / "nade" / "saved_model.pb").read_bytes()
    names = ("score", "sample", "complete", "encode")
    for name in (*names, "serving_default"):
        assert name.encode() in graph
    assert set(model.serving_signatures()) == set(names)
