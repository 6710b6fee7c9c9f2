import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import DiagonalBiLSTM
from keras_genseq.layers import GatedMaskedBlock
from keras_genseq.layers import MaskedConv2D
from keras_genseq.layers import RowLSTM
from keras_genseq.ops.lstm_gates import lstm_step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 5, 3)).astype("float32")


def with_random_weights(layer, *shapes):
    layer.build(*shapes)
    layer.set_weights([RNG.normal(size=w.shape) * 0.5 for w in layer.weights])
    return layer


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm(gates, cell):
    o, f, u, g = np.split(gates, 4, axis=-1)
    cell = sigmoid(f) * cell + sigmoid(u) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def diagonal_by_pixels(direction, x):
    """The left-to-right recurrence, a pixel at a time."""
    kernel, bias, state_kernel, first_hidden, first_cell = (
        np.array(w) for w in direction.get_weights_in_order
    )
    batch_size, height, width, _ = x.shape
    units = first_hidden.shape[1]
    hidden = np.zeros((batch_size, height, width, units))
    for r in range(height):
        left = np.tile(first_hidden[r], (batch_size, 1))
        cell = np.tile(first_cell[r], (batch_size, 1))
        for c in range(width):
            above = hidden[:, r - 1, c] if r else np.zeros_like(left)
            gates = x[:, r, c] @ kernel[0, 0] + bias
            gates += np.concatenate([above, left], -1) @ state_kernel
            left, cell = lstm(gates, cell)
            hidden[:, r, c] = left
    return hidden


class Direction:
    def __init__(self, layer):
        self.get_weights_in_order = [
            layer.input_conv.kernel,
            layer.input_conv.bias,
            layer.state_kernel,
            layer.first_hidden,
            layer.first_cell,
        ]


def test_diagonal_lstm_equals_one_by_pixels():
    layer = with_random_weights(DiagonalBiLSTM(3), X.shape)
    left = diagonal_by_pixels(Direction(layer.left_to_right), X)
    right = diagonal_by_pixels(Direction(layer.right_to_left), X[:, :, ::-1])
    right = right[:, :, ::-1]
    below = np.concatenate([np.zeros_like(right[:, :1]), right[:, :-1]], 1)
    expected = np.concatenate([left, below], -1)
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_row_lstm_equals_one_by_pixels():
    layer = with_random_weights(RowLSTM(2), X.shape)
    kernel = np.array(layer.input_conv.masked_kernel)
    bias = layer.input_conv.bias.numpy()
    state_kernel = layer.state_kernel.numpy().reshape(3, 2, 8)
    hidden = np.tile(layer.first_hidden.numpy(), (2, 1, 1))
    cell = np.tile(layer.first_cell.numpy(), (2, 1, 1))
    expected = []
    for r in range(4):
        gates = np.tile(bias, (2, 5, 1)).astype("float64")
        for c in range(5):
            for k in range(3):
                if 0 <= c + k - 1 < 5:
                    gates[:, c] += X[:, r, c + k - 1] @ kernel[0, k]
                    gates[:, c] += hidden[:, c + k - 1] @ state_kernel[k]
        hidden, cell = lstm(gates, cell)
        expected.append(hidden)
    np.testing.assert_allclose(layer(X), np.stack(expected, 1), atol=1e-5)


def row_by_autodiff(layer, x):
    gates = layer.input_conv(x)
    zeros = tf.zeros_like(gates[:, 0, :, : layer.filters])
    states = (zeros + layer.first_hidden, zeros + layer.first_cell)
    rows = []
    for r in range(x.shape[1]):
        above = layer.from_above(states[0])
        states = lstm_step(gates[:, r] + above, states[1])
        rows.append(states[0])
    return tf.stack(rows, axis=1)


def diagonal_by_autodiff(layer, x):
    """The left-to-right direction, a pixel at a time."""
    gates = layer.input_conv(x)
    zeros = tf.zeros_like(gates[:, 0, 0, : layer.filters])
    above, rows = [zeros] * x.shape[2], []
    for r in range(x.shape[1]):
        hidden, cell = (
            zeros + layer.first_hidden[r],
            zeros + layer.first_cell[r],
        )
        row = []
        for c in range(x.shape[2]):
            before = tf.concat([above[c], hidden], axis=-1)
            read = tf.matmul(before, layer.state_kernel)
            hidden, cell = lstm_step(gates[:, r, c] + read, cell)
            row.append(hidden)
        above = row
        rows.append(tf.stack(row, axis=1))
    return tf.stack(rows, axis=1)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", ["row_lstm", "row_lstm_of_5", "diagonal"])
def test_gradients_equal_those_of_a_plain_loop(kind, compiled):
    by_autodiff = row_by_autodiff
    layer = RowLSTM(2, kernel_size=5 if kind == "row_lstm_of_5" else 3)
    if kind == "diagonal":
        by_autodiff = diagonal_by_autodiff
        layer = DiagonalBiLSTM(2).left_to_right
    layer = with_random_weights(layer, X.shape)
    weight = RNG.normal(size=(*X.shape[:3], 2)).astype("float32")

    def gradients(outputs):
        x = tf.convert_to_tensor(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(weight * tf.square(outputs(x)))
        variables = [w.value for w in layer.trainable_weights]
        return tape.gradient(loss, [x, *variables])

    fast = tf.function(lambda: gradients(lambda x: layer(x, training=compiled)))
    expected = gradients(lambda x: by_autodiff(layer, x))
    for mine, plain in zip(fast(), expected, strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer_class", [RowLSTM, DiagonalBiLSTM])
def test_a_map_shifts_the_gates_and_one_of_zeros_does_not(layer_class):
    plain = layer_class(2)
    told = layer_class(2, context_filters=3)
    context = RNG.normal(size=(*X.shape[:3], 3)).astype("float32")
    outputs = plain(X)
    told(X, context)
    # The only further weights are the kernels of the map.
    further = [w for w in told.weights if "context_conv" in w.path]
    shared = [w for w in told.weights if "context_conv" not in w.path]
    assert len(further) == len(told.weights) - len(plain.weights) > 0
    for theirs, mine in zip(shared, plain.weights, strict=True):
        theirs.assign(mine)
    np.testing.assert_allclose(told(X, 0.0 * context), outputs, atol=1e-6)
    assert np.abs(told(X, context) - outputs).max() > 1e-3


def test_masked_weights_do_not_count_even_when_they_are_large():
    layer = with_random_weights(
        MaskedConv2D(2, 3, mask_type="A", use_bias=False), X.shape
    )
    before = np.array(layer(X))
    kernel = layer.kernel.numpy()
    kernel[1, 1:], kernel[2] = 1e3, 1e3
    layer.kernel.assign(kernel)
    np.testing.assert_array_equal(layer(X), before)
    kernel[1, 0] += 1.0
    layer.kernel.assign(kernel)
    assert np.abs(layer(X) - before).max() > 0.1


def test_gated_block_by_hand():
    layer = GatedMaskedBlock(1, kernel_size=1)
    layer.build((None, 2, 1, 1), (None, 2, 1, 1))
    layer.vertical_conv.set_weights([np.ones((1, 1, 1, 2)), np.zeros(2)])
    layer.link.set_weights([2 * np.eye(2)[None, None], np.zeros(2)])
    layer.horizontal_conv.set_weights([np.ones((1, 1, 1, 2)), np.zeros(2)])
    layer.output_conv.set_weights([3 * np.ones((1, 1, 1, 1)), np.ones(1)])
    v = np.float32([0.5, -1.0]).reshape(1, 2, 1, 1)
    u = np.float32([0.1, 0.2]).reshape(1, 2, 1, 1)
    vertical, horizontal = layer(v, u)
    gate = lambda x: np.tanh(x) * sigmoid(x)  # noqa: E731
    np.testing.assert_allclose(vertical, gate(v), atol=1e-6)
    # The second row sees the first of the vertical stack.
    pre = u + 2 * np.float32([0.0, 0.5]).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(horizontal, u + 3 * gate(pre) + 1, atol=1e-6)


def test_names_what_is_wrong_with_an_argument():
    with pytest.raises(ValueError, match='must be "A"'):
        MaskedConv2D(2, 3, mask_type="C")
    with pytest.raises(ValueError, match="must be odd"):
        MaskedConv2D(2, 4, mask_type="A")
    with pytest.raises(ValueError, match="multiple of `num_maps`"):
        MaskedConv2D(5, 3, mask_type="B", num_maps=4)
    for layer_class in (RowLSTM, DiagonalBiLSTM, GatedMaskedBlock):
        with pytest.raises(ValueError, match="`filters` must be positive"):
            layer_class(0)


def test_channels_of_masked_convolutions_may_come_first():
    options = {"mask_type": "B", "num_colors": 3, "kernel_size": 3}
    last = MaskedConv2D(6, **options)
    expected = last(X)
    first = MaskedConv2D(6, data_format="channels_first", **options)
    first.build((2, 3, 4, 5))
    first.set_weights(last.get_weights())
    y = first(np.moveaxis(X, -1, 1))
    np.testing.assert_allclose(np.moveaxis(y, 1, -1), expected, atol=1e-5)


def test_masked_convolutions_refuse_groups():
    with pytest.raises(ValueError, match="`groups` must be 1"):
        MaskedConv2D(4, 3, mask_type="A", groups=2)


def test_a_gated_block_takes_images_of_any_size():
    image = keras.Input((None, None, 3))
    block = GatedMaskedBlock(3)
    model = keras.Model(image, block(image, image))
    for a, b in zip(model(X), block(X, X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("layer_class", [RowLSTM, DiagonalBiLSTM])
def test_a_free_size_has_no_learned_first_states(layer_class):
    with pytest.raises(ValueError, match="size of the images must be known"):
        layer_class(4)(keras.Input((4, None, 3)))


def test_a_row_lstm_takes_images_of_any_height():
    image = keras.Input((None, 5, 3))
    layer = RowLSTM(4)
    model = keras.Model(image, layer(image))
    np.testing.assert_allclose(model(X), layer(X), atol=1e-6)
