"""A model hears the classes it was made for, and refuses any other use."""

import pytest

from tests.conformance import condition_promises as promises
from tests.conformance.instances import asked
from tests.conformance.instances import awake
from tests.conformance.instances import built
from tests.conformance.instances import trainer
from tests.conformance.rows import SLOW
from tests.conformance.rows import every
from tests.conformance.table import CONDITIONAL
from tests.conformance.table import UNCONDITIONAL

METHODS = pytest.mark.parametrize(
    "case, method",
    [
        pytest.param(case, method, id=f"{name}-{method}")
        for name, case in CONDITIONAL.items()
        for method in promises.conditional_methods(case)
    ],
)
FITS = pytest.mark.parametrize("fit", promises.FITS.values(), ids=promises.FITS)
# What has no targets of its own either.
ALONE = {
    n: c for n, c in UNCONDITIONAL.items() if not isinstance(c.batch(1), tuple)
}


@METHODS
def test_requests_without_their_class_are_refused(case, method):
    promises.needs_its_condition(built(case), case, method)


@SLOW
@METHODS
def test_answers_depend_on_the_class(case, method):
    model, _ = asked(case)
    promises.hears_its_condition(awake(model, 1.0), case, method)


@FITS
@every(CONDITIONAL)
def test_data_without_their_class_are_refused(case, fit):
    promises.refuses_data_without_condition(trainer(case), case, fit)


@every(UNCONDITIONAL)
def test_a_model_without_classes_refuses_one(case):
    promises.takes_no_condition(built(case), case)


@every(ALONE)
def test_data_with_classes_that_nobody_hears_are_refused(case):
    promises.refuses_classes_in_data(trainer(case), case)
