import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.nade import nade_logits

RNG = np.random.default_rng(0)
BATCH, DIM, UNITS = 3, 11, 5


def arguments(dtype):
    return [
        tf.constant(values.astype(dtype))
        for values in (
            RNG.integers(0, 2, (BATCH, DIM)),
            RNG.normal(size=(DIM, UNITS)),
            RNG.normal(size=(DIM, UNITS)),
            RNG.normal(size=UNITS),
        )
    ]


def value_and_gradients(tensors, jit=False, **options):
    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            logits = nade_logits(*tensors, **options)
            # A loss with a different slope everywhere.
            loss = tf.reduce_sum(tf.sin(logits))
        return [logits, *tape.gradient(loss, tensors)]

    # What is no XLA program runs step by step: making a graph takes longer.
    if jit:
        run = tf.function(run, jit_compile=True, autograph=False)
    return run(*tensors)


def by_hand(x, w, v, c, g):
    logits = np.zeros_like(x)
    for b in range(len(x)):
        for d in range(x.shape[1]):
            logits[b, d] = v[d] @ g(c + w[:d].T @ x[b, :d])
    return logits


@pytest.mark.parametrize(
    "activation, g",
    [
        ("sigmoid", lambda a: 1.0 / (1.0 + np.exp(-a))),
        ("tanh", np.tanh),
        ("relu", lambda a: np.maximum(a, 0.0)),
    ],
)
@pytest.mark.parametrize("implementation", ["scan", "chunk", "full"])
def test_equals_the_equation_written_out(activation, g, implementation):
    tensors = arguments("float64")
    logits = nade_logits(
        *tensors,
        activation=activation,
        implementation=implementation,
        chunk_size=4,
    )
    expected = by_hand(*(t.numpy() for t in tensors), g)
    np.testing.assert_allclose(logits, expected, atol=1e-12)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize(
    "options",
    [
        {"implementation": "scan"},
        {"implementation": "chunk", "chunk_size": 1},
        {"implementation": "chunk", "chunk_size": 4},
        {"implementation": "chunk", "chunk_size": 11},
        {"implementation": "chunk", "chunk_size": 64},
    ],
    ids=str,
)
def test_rebuilding_gradient_equals_autodiff(options, activation):
    tensors = arguments("float64")
    reference = value_and_gradients(
        tensors, implementation="full", activation=activation
    )
    ours = value_and_gradients(tensors, activation=activation, **options)
    for a, b in zip(ours, reference, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("implementation", ["scan", "chunk", "full"])
def test_formulations_agree_in_float32_under_xla(implementation):
    tensors = arguments("float32")
    reference = value_and_gradients(tensors, implementation="full")
    ours = value_and_gradients(
        tensors, jit=True, implementation=implementation, chunk_size=4
    )
    for a, b in zip(ours, reference, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_rebuilding_gradient_keeps_no_history():
    """Nothing of size batch x dimensions x units is alive in the step."""
    dim, units = 64, 48
    tensors = [
        tf.zeros(shape)
        for shape in ((BATCH, dim), (dim, units), (dim, units), (units,))
    ]

    def history_bytes(implementation):
        @tf.function(jit_compile=True)
        def step(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                logits = nade_logits(*tensors, implementation=implementation)
            return tape.gradient(logits, tensors)

        program = step.experimental_get_compiler_ir(*tensors)(stage="hlo")
        return program.count(f"f32[{BATCH},{dim},{units}]") + program.count(
            f"f32[{dim},{BATCH},{units}]"
        )

    assert history_bytes("full") > 0
    assert history_bytes("scan") == 0


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("scale", [6.0, 60.0], ids=["saturated", "overflowing"])
def test_scan_with_large_weights_equals_the_equation(activation, scale):
    # Small scale: units far from zero, moved by less than an overflow within
    # a chunk of two; large scale: by more.
    x, w, v, c = arguments("float32")
    w = scale * tf.math.tanh(w)
    c = 150.0 * tf.sign(c)
    logits, *gradients = value_and_gradients(
        [x, w, v, c],
        activation=activation,
        implementation="scan",
        chunk_size=2,
        jit=True,
    )
    reference, *expected = value_and_gradients(
        [x, w, v, c], activation=activation, implementation="full"
    )
    np.testing.assert_allclose(logits, reference, atol=1e-4)
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("implementation", ["full", "chunk", "scan"])
def test_no_rounding_lets_a_dimension_see_itself(implementation):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (3, 9)).astype("float32")
    kernel = (1e4 * rng.normal(size=(9, 5))).astype("float32")
    output_kernel = rng.normal(size=(9, 5)).astype("float32")
    bias = np.zeros(5, "float32")

    def logits(x):
        return nade_logits(
            x,
            kernel,
            output_kernel,
            bias,
            activation="relu",
            implementation=implementation,
            chunk_size=4,
        ).numpy()

    before = logits(x)
    for i in range(9):
        flipped = x.copy()
        flipped[:, i] = 1.0 - x[:, i]
        np.testing.assert_array_equal(
            logits(flipped)[:, : i + 1], before[:, : i + 1]
        )
