"""Training works, in every mode and under every dtype policy."""

import numpy as np
import pytest

from tests.conformance import training_promises as promises
from tests.conformance.instances import built
from tests.conformance.instances import compiled
from tests.conformance.instances import floats
from tests.conformance.instances import steps
from tests.conformance.instances import trainer
from tests.conformance.rows import GAMES
from tests.conformance.rows import GROUPS
from tests.conformance.rows import REPRESENTATIVES
from tests.conformance.rows import SLOW
from tests.conformance.rows import all_but_slow
from tests.conformance.rows import all_slow
from tests.conformance.rows import every
from tests.conformance.rows import every_but_slow
from tests.conformance.rows import groups
from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import SUPERVISED

OTHERS = {n: c for n, c in EVERY_MODEL.items() if c.kind != "game"}
POLICIES = pytest.mark.parametrize(
    "policy",
    [
        pytest.param("float32", marks=SLOW),
        "mixed_bfloat16",
        pytest.param("mixed_float16", marks=SLOW),
    ],
)


@every_but_slow(OTHERS)
def test_loss_falls_on_one_batch(case):
    promises.loss_falls(trainer(case), case)


@all_slow(OTHERS)
def test_loss_falls_on_one_batch_under_xla(case):
    promises.loss_falls(trainer(case, mode="xla"), case)


@every(OTHERS)
def test_gradients_are_everywhere_and_finite(case):
    model = trainer(case)
    promises.gradients_are_everywhere(
        model.trainable_variables, lambda: promises.mean_loss(model, case)
    )


@groups()
def test_a_groups_gradients_are_everywhere_and_finite(case, group):
    model = built(case)
    promises.gradients_are_everywhere(
        promises.variables_of(model, group),
        lambda: promises.mean_loss_of_group(model, case, group),
    )


@groups(slow={name for name, _ in GROUPS} - set(REPRESENTATIVES))
def test_a_groups_loss_falls_while_the_others_stand_still(case, group):
    promises.loss_of_a_group_falls(trainer(case, quiet=True), case, group)


@all_but_slow(GAMES)
def test_a_game_of_one_compiled_step_equals_the_plain_one(case):
    plain = trainer(case, quiet=True, mode="eager")
    xla = trainer(case, quiet=True, mode="xla")
    promises.takes_equal_steps(plain, xla, case)


@POLICIES
@all_but_slow(EVERY_MODEL)
def test_trains_under_every_policy_with_float32_outputs(case, policy):
    model = trainer(case, policy=policy, mode="eager")
    promises.trains_under_its_policy(model, built(case), case)


@all_slow(EVERY_MODEL)
def test_trains_where_keras_computes_in_float64(case):
    with floats("float64"):
        model = compiled(case, mode="eager")
        assert np.isfinite(steps(model, case, 2)).all()


@every(SUPERVISED)
def test_inputs_without_targets_are_refused(case):
    promises.refuses_inputs_without_targets(trainer(case), case)


@every(EVERY_MODEL)
def test_what_is_no_array_is_refused(case):
    promises.refuses_what_is_no_array(built(case), case)


@every(EVERY_MODEL)
def test_ints_of_more_bits_are_refused(case):
    promises.refuses_ints_of_more_bits(built(case), case)


@every(EVERY_MODEL)
def test_weights_are_finite_numbers(case):
    promises.weighs_by_finite_numbers(built(case), case)
