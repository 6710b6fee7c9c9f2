"""What a model answers, whichever way it is asked."""

from tests.conformance import promises
from tests.conformance.instances import asked
from tests.conformance.instances import built
from tests.conformance.instances import floats
from tests.conformance.rows import all_slow
from tests.conformance.rows import every
from tests.conformance.rows import every_but_slow
from tests.conformance.table import COMPLETING
from tests.conformance.table import DENSITIES
from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import SAMPLING


@every(EVERY_MODEL)
def test_eager_graph_and_xla_agree(case):
    promises.agrees_in_every_mode(built(case), case)


@every({n: c for n, c in DENSITIES.items() if not n.startswith("Toy")})
def test_examples_of_another_shape_are_refused(case):
    promises.refuses_other_shapes(built(case), case)


@all_slow(EVERY_MODEL)
def test_answers_are_float32_where_keras_computes_in_float64(case):
    with floats("float64"):
        promises.answers_in_float32(case.make())


@every(EVERY_MODEL)
def test_symbols_tell_number_shapes_and_dtypes_of_outputs(case):
    promises.symbols_tell_the_outputs(built(case), case)


@every_but_slow(SAMPLING)
def test_no_retracing_from_request_to_request(case):
    model, traced = asked(case)
    promises.is_not_traced_again(model, case, traced)


@every_but_slow(SAMPLING)
def test_a_sample_depends_on_its_seed_and_place(case):
    model, _ = asked(case)
    promises.draws_from_its_seed(model, case)


@every_but_slow(COMPLETING)
def test_hidden_values_do_not_matter_to_a_completion(case):
    model, _ = asked(case)
    promises.completes_what_is_hidden(model, case)


@every(EVERY_MODEL)
def test_every_knob_has_a_range(case):
    promises.bounds_its_knobs(built(case), case)
