"""Keras layers, one public class per file."""

from keras_genseq.layers.attention.feed_forward import FeedForward
from keras_genseq.layers.attention.multi_head_attention import (
    MultiHeadAttention,
)
from keras_genseq.layers.attention.stochastic_depth import StochasticDepth
from keras_genseq.layers.attention.transformer_decoder_block import (
    TransformerDecoderBlock,
)
from keras_genseq.layers.attention.transformer_encoder_block import (
    TransformerEncoderBlock,
)
from keras_genseq.layers.convolution.reflection_padding2d import (
    ReflectionPadding2D,
)
from keras_genseq.layers.convolution.residual_stem import ResidualStem
from keras_genseq.layers.convolution.strided_convolution import StridedConv2D
from keras_genseq.layers.convolution.strided_convolution import (
    StridedConv2DTranspose,
)
from keras_genseq.layers.convolution.weight_standardized_conv2d import (
    WeightStandardizedConv2D,
)
from keras_genseq.layers.embedding.class_token import ClassToken
from keras_genseq.layers.embedding.grid_position_embedding import (
    GridPositionEmbedding,
)
from keras_genseq.layers.embedding.patch_embedding import PatchEmbedding
from keras_genseq.layers.embedding.position_embedding import PositionEmbedding
from keras_genseq.layers.embedding.rotary_embedding import RotaryEmbedding
from keras_genseq.layers.embedding.sinusoidal_position_encoding import (
    SinusoidalPositionEncoding,
)
from keras_genseq.layers.equalized.equalized_conv2d import EqualizedConv2D
from keras_genseq.layers.equalized.equalized_dense import EqualizedDense
from keras_genseq.layers.masked.diagonal_bilstm import DiagonalBiLSTM
from keras_genseq.layers.masked.gated_masked_block import GatedMaskedBlock
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.layers.masked.masked_dense import MaskedDense
from keras_genseq.layers.masked.row_lstm import RowLSTM
from keras_genseq.layers.normalization.instance_normalization import (
    InstanceNormalization,
)
from keras_genseq.layers.normalization.minibatch_std_dev import MinibatchStdDev
from keras_genseq.layers.normalization.pixel_normalization import (
    PixelNormalization,
)
from keras_genseq.layers.recurrent.gru import GRU
from keras_genseq.layers.recurrent.gru_cell import GRUCell
from keras_genseq.layers.recurrent.lstm import LSTM
from keras_genseq.layers.recurrent.lstm_cell import LSTMCell
from keras_genseq.layers.recurrent.recurrent_encoder import RecurrentEncoder
from keras_genseq.layers.recurrent.simple_rnn import SimpleRNN
from keras_genseq.layers.recurrent.simple_rnn_cell import SimpleRNNCell

__all__ = [
    "GRU",
    "LSTM",
    "ClassToken",
    "DiagonalBiLSTM",
    "EqualizedConv2D",
    "EqualizedDense",
    "FeedForward",
    "GRUCell",
    "GatedMaskedBlock",
    "GridPositionEmbedding",
    "InstanceNormalization",
    "LSTMCell",
    "MaskedConv2D",
    "MaskedDense",
    "MinibatchStdDev",
    "MultiHeadAttention",
    "PatchEmbedding",
    "PixelNormalization",
    "PositionEmbedding",
    "RecurrentEncoder",
    "ReflectionPadding2D",
    "ResidualStem",
    "RotaryEmbedding",
    "RowLSTM",
    "SimpleRNN",
    "SimpleRNNCell",
    "SinusoidalPositionEncoding",
    "StochasticDepth",
    "StridedConv2D",
    "StridedConv2DTranspose",
    "TransformerDecoderBlock",
    "TransformerEncoderBlock",
    "WeightStandardizedConv2D",
]
