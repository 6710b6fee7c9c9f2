import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.layers.convolution import strided_convolution

RNG = np.random.default_rng(0)
PAIRS = pytest.mark.parametrize(
    "layer_class, keras_class",
    [
        (StridedConv2D, keras.layers.Conv2D),
        (StridedConv2DTranspose, keras.layers.Conv2DTranspose),
    ],
)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def output_and_gradients(layer, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(tf.sin(y))
    return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]


@PAIRS
@pytest.mark.parametrize("implementation", ["auto", "conv", "patches"])
@pytest.mark.parametrize(
    "kernel_size, strides", [(5, 2), (4, 2), ((3, 7), (2, 3)), (3, 1)]
)
def test_equals_the_layer_of_keras(
    layer_class, keras_class, implementation, kernel_size, strides
):
    options = {
        "strides": strides,
        "padding": "same",
        "activation": "tanh",
        "bias_initializer": "normal",
    }
    x = normal(3, 8, 6, 2)
    theirs = keras_class(4, kernel_size, **options)
    own = layer_class(4, kernel_size, **options, implementation=implementation)
    theirs(x)
    own(x)
    own.set_weights(theirs.get_weights())
    for a, b in zip(
        output_and_gradients(own, x),
        output_and_gradients(theirs, x),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=2e-5)


@PAIRS
def test_gradients_under_xla_are_those_outside(layer_class, keras_class):
    # A sum over all positions is beyond the bound in float32.
    options = {"dtype": "float64", "activation": "tanh"}
    options |= {"strides": 2, "padding": "same"}
    x = normal(3, 12, 10, 2).astype("float64")
    own = layer_class(4, 5, **options)
    own(x)
    theirs = keras_class(4, 5, **options)
    theirs(x)
    theirs.set_weights(own.get_weights())
    compiled = tf.function(
        lambda x: output_and_gradients(own, x), jit_compile=True
    )
    for a, b in zip(
        compiled(tf.constant(x)), output_and_gradients(theirs, x), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=2e-5)


@PAIRS
def test_a_penalty_on_gradients_has_the_gradients_of_keras(
    layer_class, keras_class
):
    x = tf.constant(normal(3, 4, 6, 2))
    options = {"strides": 2, "padding": "same", "activation": "tanh"}
    own = layer_class(4, 5, **options, implementation="patches")
    theirs = keras_class(4, 5, **options)
    own(x)
    theirs(x)
    theirs.set_weights(own.get_weights())
    gradients = []
    for layer in (own, theirs):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(layer(x))
            penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
        gradients.append(outer.gradient(penalty, layer.trainable_variables))
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@PAIRS
def test_auto_takes_patches_where_they_are_faster(
    monkeypatch, layer_class, keras_class
):
    is_transposed = layer_class is StridedConv2DTranspose
    name = "strided_conv_transpose" if is_transposed else "strided_conv"
    calls, by_patches = [], getattr(strided_convolution, name)
    monkeypatch.setattr(
        strided_convolution,
        name,
        lambda *args: calls.append(1) or by_patches(*args),
    )
    layer = layer_class(3, 4, strides=2, padding="same")
    small, large = (4, 5) if is_transposed else (8, 10)
    for side, jit_compile, expected in (
        (small, False, 1),
        (large, False, 0),
        (large, True, 1),
    ):
        x = tf.constant(normal(2, side, side, 2))
        layer(x)
        calls.clear()
        tf.function(
            lambda x, layer=layer: output_and_gradients(layer, x),
            jit_compile=jit_compile,
            autograph=False,
        )(x)
        assert len(calls) == expected


@PAIRS
def test_what_is_exported_holds_a_plain_convolution(layer_class, keras_class):
    graphs = []
    for kind in (layer_class, keras_class):
        layer = kind(3, 4, strides=2, padding="same")
        layer.build((None, 4, 4, 2))
        function = tf.function(lambda x, layer=layer: layer(x), autograph=False)
        spec = tf.TensorSpec((None, 4, 4, 2))
        graph = function.get_concrete_function(spec).graph
        graphs.append(sorted(op.type for op in graph.get_operations()))
    assert graphs[0] == graphs[1]
    assert any(kind.startswith("Conv2D") for kind in graphs[0])


@PAIRS
def test_lite_runs_what_is_converted(layer_class, keras_class):
    layer = layer_class(3, 4, strides=2, padding="same")
    x = normal(2, 4, 4, 2)
    model = keras.Sequential([keras.Input(batch_shape=x.shape), layer])
    expected = model(x)
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    run = interpreter.get_signature_runner()
    (name,) = run.get_input_details()
    (y,) = run(**{name: x}).values()
    np.testing.assert_allclose(y, expected, atol=1e-5)


@PAIRS
def test_auto_leaves_to_keras_what_patches_cannot_serve(
    layer_class, keras_class
):
    x = normal(2, 5, 7, 2)
    for options in ({"padding": "valid"}, {"kernel_size": 1}):
        options = {"filters": 3, "kernel_size": 3, "strides": 2, **options}
        theirs, own = keras_class(**options), layer_class(**options)
        theirs(x)
        own(x)
        own.set_weights(theirs.get_weights())
        np.testing.assert_array_equal(own(x), theirs(x))


@PAIRS
def test_serves_batches_of_any_size_none_included(layer_class, keras_class):
    layer = layer_class(
        3, 4, strides=2, padding="same", implementation="patches"
    )
    layer.build((None, 4, 6, 2))
    call = tf.function(
        lambda x: layer(x),
        input_signature=[tf.TensorSpec((None, 4, 6, 2))],
        autograph=False,
    )
    assert call(normal(0, 4, 6, 2)).shape[0] == 0
    assert call(normal(3, 4, 6, 2)).shape[0] == 3


@PAIRS
def test_rejects_what_it_cannot_do(layer_class, keras_class):
    with pytest.raises(ValueError, match=r"must be one of.*'fast'"):
        layer_class(3, 4, implementation="fast")
    layer = layer_class(3, 4, strides=2, implementation="patches")
    with pytest.raises(ValueError, match=r'padding="same".*valid'):
        layer(normal(2, 4, 4, 2))
