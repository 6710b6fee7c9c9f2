"""Rows of layers."""

from keras_genseq import layers
from tests.conformance.batches import normal
from tests.conformance.case import LayerCase


def recurrent_case(layer_class, **options):
    return LayerCase(
        make=lambda **kwargs: layer_class(
            5,
            bias_initializer="normal",
            go_backwards=True,
            return_sequences=True,
            return_state=True,
            **options,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3),),
        masks=True,
    )


def cell_case(cell_class, num_states, **options):
    return LayerCase(
        make=lambda **kwargs: cell_class(
            5, bias_initializer="normal", use_bias=True, **options, **kwargs
        ),
        inputs=lambda size: (
            normal(size, 3),
            [normal(size, 5) * (i + 1) for i in range(num_states)],
        ),
    )


def block_case(block_class, *sequences, scale=1.0):
    """A block of attention and inputs of the given numbers of steps.

    What residual branches add to is rounded by its size: `scale` keeps it
    within what the table asks of bfloat16.
    """
    return LayerCase(
        make=lambda **kwargs: block_class(
            2,
            7,
            activation="gelu",
            dropout=0.2,
            attention_dropout=0.1,
            inner_dropout=0.1,
            stochastic_depth=0.2,
            norm_first=True,
            num_key_value_heads=1,
            use_bias=False,
            rotary=True,
            attention_window=3,
            **kwargs,
        ),
        inputs=lambda size: tuple(
            scale * normal(size, n, 8) for n in sequences
        ),
    )


ATTENTION_LAYERS = {
    "MultiHeadAttention": LayerCase(
        make=lambda **kwargs: layers.MultiHeadAttention(
            4,
            6,
            value_dim=5,
            num_key_value_heads=2,
            output_dim=7,
            rotary=True,
            dropout=0.2,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3), normal(size, 4, 5)),
    ),
    "FeedForward": LayerCase(
        make=lambda **kwargs: layers.FeedForward(
            5, activation="gelu", use_bias=False, dropout=0.2, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "TransformerEncoderBlock": block_case(layers.TransformerEncoderBlock, 6),
    "TransformerDecoderBlock": block_case(
        layers.TransformerDecoderBlock, 6, 4, scale=0.5
    ),
    "SinusoidalPositionEncoding": LayerCase(
        make=lambda **kwargs: layers.SinusoidalPositionEncoding(
            max_wavelength=100.0, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "PositionEmbedding": LayerCase(
        make=lambda **kwargs: layers.PositionEmbedding(
            6, initializer="normal", **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "RotaryEmbedding": LayerCase(
        make=lambda **kwargs: layers.RotaryEmbedding(
            max_wavelength=100.0, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 4),),
    ),
}


IMAGE_LAYERS = {
    "PatchEmbedding": LayerCase(
        make=lambda **kwargs: layers.PatchEmbedding(
            (2, 3),
            5,
            use_bias=False,
            kernel_initializer="he_normal",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 6, 3),),
    ),
    "ClassToken": LayerCase(
        make=lambda **kwargs: layers.ClassToken(initializer="normal", **kwargs),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "GridPositionEmbedding": LayerCase(
        make=lambda **kwargs: layers.GridPositionEmbedding(
            (2, 3), num_prefix_tokens=1, initializer="normal", **kwargs
        ),
        inputs=lambda size: (normal(size, 7, 3),),
    ),
    "StochasticDepth": LayerCase(
        make=lambda **kwargs: layers.StochasticDepth(0.3, seed=7, **kwargs),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "WeightStandardizedConv2D": LayerCase(
        make=lambda **kwargs: layers.WeightStandardizedConv2D(
            4, 3, epsilon=1e-3, bias_initializer="normal", **kwargs
        ),
        inputs=lambda size: (0.1 * normal(size, 4, 5, 3),),
    ),
    "ResidualStem": LayerCase(
        make=lambda **kwargs: layers.ResidualStem(
            4, kernel_size=3, strides=1, use_pooling=False, **kwargs
        ),
        inputs=lambda size: (normal(size, 8, 12, 3),),
    ),
}


def strided_case(layer_class):
    return LayerCase(
        make=lambda **kwargs: layer_class(
            4,
            (5, 4),
            strides=2,
            padding="same",
            activation="tanh",
            bias_initializer="normal",
            implementation="patches",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 6, 3),),
    )


LAYERS = {
    "InstanceNormalization": LayerCase(
        make=lambda **kwargs: layers.InstanceNormalization(
            epsilon=1e-3, center=True, scale=True, **kwargs
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "PixelNormalization": LayerCase(
        make=lambda **kwargs: layers.PixelNormalization(epsilon=1e-3, **kwargs),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "MinibatchStdDev": LayerCase(
        make=lambda **kwargs: layers.MinibatchStdDev(
            group_size=3, epsilon=1e-3, **kwargs
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "EqualizedDense": LayerCase(
        make=lambda **kwargs: layers.EqualizedDense(
            4, gain=0.5, activation="tanh", bias_initializer="normal", **kwargs
        ),
        inputs=lambda size: (normal(size, 5, 3),),
    ),
    "EqualizedConv2D": LayerCase(
        make=lambda **kwargs: layers.EqualizedConv2D(
            4,
            (3, 2),
            gain=0.5,
            padding="valid",
            activation="tanh",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "ReflectionPadding2D": LayerCase(
        make=lambda **kwargs: layers.ReflectionPadding2D(
            ((2, 1), (0, 3)), **kwargs
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "StridedConv2D": strided_case(layers.StridedConv2D),
    "StridedConv2DTranspose": strided_case(layers.StridedConv2DTranspose),
    "MaskedConv2D": LayerCase(
        make=lambda **kwargs: layers.MaskedConv2D(
            8,
            (3, 5),
            mask_type="B",
            num_colors=3,
            num_maps=2,
            padding="valid",
            activation="tanh",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "RowLSTM": LayerCase(
        make=lambda **kwargs: layers.RowLSTM(
            4,
            kernel_size=5,
            num_colors=2,
            context_filters=2,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3), normal(size, 4, 5, 2)),
    ),
    "DiagonalBiLSTM": LayerCase(
        make=lambda **kwargs: layers.DiagonalBiLSTM(
            4,
            num_colors=2,
            context_filters=2,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3), normal(size, 4, 5, 2)),
    ),
    "GatedMaskedBlock": LayerCase(
        make=lambda **kwargs: layers.GatedMaskedBlock(
            4,
            kernel_size=5,
            mask_type="A",
            num_colors=2,
            condition_dim=3,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        inputs=lambda size: (
            normal(size, 4, 5, 4),
            2 * normal(size, 4, 5, 4),
            normal(size, 3),
        ),
    ),
    "MaskedDense": LayerCase(
        make=lambda **kwargs: layers.MaskedDense(
            5,
            input_degrees=[1, 3, 2],
            output_degrees=[2, 1, 3, 1, 4],
            strict=True,
            activation="tanh",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 3),),
    ),
    **ATTENTION_LAYERS,
    **IMAGE_LAYERS,
    "SimpleRNN": recurrent_case(layers.SimpleRNN, activation="sigmoid"),
    "LSTM": recurrent_case(layers.LSTM, unit_forget_bias=False),
    "GRU": recurrent_case(layers.GRU, reset_after=False),
    "RecurrentEncoder": LayerCase(
        make=lambda **kwargs: layers.RecurrentEncoder(
            5,
            cell="gru",
            num_layers=2,
            bidirectional=True,
            dropout=0.1,
            return_sequences=True,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3),),
        masks=True,
    ),
    "SimpleRNNCell": cell_case(
        layers.SimpleRNNCell, 1, activation="sigmoid", dropout=0.1
    ),
    "LSTMCell": cell_case(
        layers.LSTMCell, 2, unit_forget_bias=False, dropout=0.1
    ),
    "GRUCell": cell_case(layers.GRUCell, 1, reset_after=False, dropout=0.1),
}
