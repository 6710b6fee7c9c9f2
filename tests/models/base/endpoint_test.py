import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import count_input
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.ops.values import all_finite
from tests.conformance.table import EVERY_MODEL


def endpoint(**options):
    """One that fails where it works before all is checked."""

    def run(x, seed, temperature, *_):
        # Not by an assertion: TensorFlow runs those one after the other.
        work = tf.gather(tf.range(100.0), tf.cast(x, tf.int32))
        return tf.reduce_sum(work, axis=1) * temperature

    inputs = {
        "x": tensor_input(
            (None,), "series", all_finite, example=np.ones((1, 8), "float32")
        ),
        "seed": seed_input(),
        "temperature": temperature_input("how hot"),
        "length": count_input("steps", default=64, example=8),
    }
    return Endpoint(run, inputs, "sum", description="adds up", **options)


def request(rows=1, **changes):
    return {
        "x": np.ones((rows, 3), "float32"),
        "seed": np.zeros(rows, "int32"),
        "temperature": np.ones(rows, "float32"),
        "length": np.ones(rows, "int32"),
        **changes,
    }


def served(each, **limits):
    """A signature that takes any shape, as a server's does."""
    signature = each.signature(**limits)
    specs = {
        n: tf.TensorSpec(None, s.dtype) for n, s in signature.inputs.items()
    }

    @tf.function(input_signature=[specs], autograph=False)
    def serve(tensors):
        return signature.function(**tensors)

    return serve


@pytest.fixture(scope="module")
def serve():
    return served(endpoint(), max_steps=50)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"x": np.ones((1, 3, 1))}, r"`x` must have shape \(batch_size, any\)"),
        ({"x": np.ones(3)}, r"`x` must have shape \(batch_size, any\)"),
        ({"x": np.ones((2, 3))}, r"one value per row of `x`"),
        ({"x": np.ones((1, 51))}, "`x` must have at most 50 steps"),
        ({"x": np.array([[np.nan, 200.0]])}, "`x` must be finite"),
        ({"seed": np.zeros((1, 1))}, r"`seed` must have shape \(batch_size,\)"),
        ({"temperature": np.array([np.inf])}, "`temperature` must be finite"),
        (
            {"temperature": np.array([101.0])},
            "`temperature` must be at most 100",
        ),
        (
            {"length": np.array([51])},
            "`length` must be at most 50: ask for less",
        ),
        ({"length": np.array([0])}, "`length` must be at least 1"),
    ],
)
def test_a_served_request_is_checked_before_any_work(serve, changes, words):
    dtypes = {name: value.dtype for name, value in request().items()}
    # As long as it is not refused, it would begin to work and fail.
    bad = {"x": np.full((1, 3), 200.0, "float32"), **changes}
    bad = {name: value.astype(dtypes[name]) for name, value in bad.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        serve(request(**bad))
    np.testing.assert_array_equal(serve(request(2))["sum"], [3.0, 3.0])


def _leaves_one_out(x, seed, temperature, length):
    return x, seed, temperature


def _checks_once_more(x, seed, temperature, length):
    fits = tf.debugging.Assert(tf.reduce_all(seed < 9), ["no fit"])
    with tf.control_dependencies([fits]):
        return x, tf.identity(seed), temperature


@pytest.mark.parametrize("prepare", [_leaves_one_out, _checks_once_more])
def test_all_work_waits_for_all_checks(prepare):
    signature = endpoint(prepare=prepare).signature()
    graph = (
        tf.function(signature.function, autograph=False)
        .get_concrete_function(**signature.inputs)
        .graph
    )
    operations = graph.get_operations()
    (work,) = (op for op in operations if op.type == "GatherV2")
    before, waiting = set(), [work]
    while waiting:
        op = waiting.pop()
        if op not in before:
            before.add(op)
            waiting += [*op.control_inputs, *(x.op for x in op.inputs)]
    checks = {op for op in operations if op.type == "Assert"}
    assert len(checks) > 10 and checks <= before


def test_clients_are_told_every_limit():
    signature = endpoint().signature(max_steps=50)
    assert signature.description == "adds up"
    assert signature.notes["x"] == {"description": "series", "max_steps": 50}
    assert signature.notes["length"] == {
        "description": "steps",
        "default": 50,
        "minimum": 1,
        "maximum": 50,
    }
    assert signature.notes["temperature"]["maximum"] == 100.0
    assert "default" not in signature.notes["seed"]


def test_an_example_asks_for_no_more_than_is_allowed():
    example = endpoint().signature(max_steps=5).example
    assert example["x"].shape == (1, 5) and example["length"] == [5]
    example = endpoint().signature().example
    assert example["x"].shape == (1, 8) and example["length"] == [8]


@pytest.mark.parametrize("max_steps", [0, -1, 2.5, "many", True])
def test_a_limit_is_a_positive_int(max_steps):
    with pytest.raises(ValueError, match="`max_steps` must be positive"):
        endpoint().signature(max_steps=max_steps)


def operations(function, inputs):
    """Names of the kinds of all operations of a graph."""
    graph = tf.function(function, autograph=False).get_concrete_function(
        **inputs
    )
    definition = graph.graph.as_graph_def()
    nodes = [*definition.node]
    for each in definition.library.function:
        nodes += each.node_def
    return {node.op for node in nodes}


@pytest.mark.parametrize(
    "name, options",
    [
        ("VAE", {}),
        ("GAN", {"noise": "normal"}),
        ("AdversarialAutoencoder", {"posterior_type": "gaussian"}),
    ],
)
def test_served_noise_is_of_operations_that_converters_know(name, options):
    signatures = EVERY_MODEL[name].make(**options).serving_signatures()
    for key in signatures.keys() & {"sample", "score"}:
        kinds = operations(signatures[key].function, signatures[key].inputs)
        # What draws the noise is among them.
        assert "BitwiseXor" in kinds
        assert not {k for k in kinds if "Erf" in k or "Ndtri" in k}
        assert not {k for k in kinds if "Random" in k}
