"""The networks of StarGAN: a generator that hears labels, and a judge."""

import keras
from keras import ops

from keras_genseq.layers import StridedConv2D
from keras_genseq.models.adversarial.translation_networks import (
    TranslationNetworks,
)


class StarNetworks(TranslationNetworks):
    """Makes the generator and the discriminator of Choi et al., 2018.

    The generator is that of `TranslationNetworks.resnet` with kernels of 4
    where sides change, without biases, and with zeros around its maps: the
    planes of the labels are constant, and of a constant map the instance
    normalization leaves nothing. The border of zeros is what it hears of them.

    Args:
        dtype: dtype policy of the layers.
    """

    strided_size = 4
    use_bias = False
    negative_slope = 0.01

    def __init__(self, dtype):
        super().__init__(affine=True, dtype=dtype)

    def generator(self, channels, num_labels, filters, num_blocks, name):
        """From images of any size and labels to images.

        Args:
            channels: int. Of the images.
            num_labels: int. Length of a vector of labels.
            filters: int. Channels of the first layer.
            num_blocks: int. Residual blocks.
            name: str.
        """
        inputs, x = self._inputs(channels)
        labels = keras.Input((num_labels,), name="labels")
        x = _LabelPlanes(dtype=self.dtype)([x, labels])
        x = self._resnet(x, channels, filters, num_blocks)
        return keras.Model([inputs, labels], x, name=name)

    def judge(self, image_shape, num_labels, filters, num_halvings, name):
        """From images to a map of logits of patches, and logits of labels.

        Args:
            image_shape: (height, width, channels), sides that are multiples of
                `2**num_halvings`.
            num_labels: int.
            filters: int. Channels of the first layer; each next has twice as
                many.
            num_halvings: int. Layers before the two heads.
            name: str.
        """
        inputs = keras.Input(image_shape, name="x")
        x = keras.layers.Rescaling(2.0, -1.0, dtype=self.dtype)(inputs)
        for i in range(num_halvings):
            x = self._leaky(
                self._convolution(
                    StridedConv2D, filters * 2**i, 4, use_bias=True
                )(x)
            )
        # Of labels, one look at the whole map.
        labels = self._conv(num_labels, x.shape[1:3])(x)
        labels = keras.layers.Reshape((num_labels,), dtype="float32")(labels)
        patches = self._conv(1, 3, padding="same")(x)
        patches = keras.layers.Activation("linear", dtype="float32")(patches)
        return keras.Model(inputs, [patches, labels], name=name)

    def _padded_conv(self, x, filters, size):
        return self._conv(filters, size, padding="same")(x)

    def _initializer(self):
        # PyTorch's own, with which the authors' networks begin.
        return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@keras.saving.register_keras_serializable(package="keras_genseq")
class _LabelPlanes(keras.layers.Layer):
    """Sets a constant plane for each label behind the channels of images."""

    def call(self, inputs):
        x, labels = inputs
        planes = ops.zeros_like(x[..., :1]) + labels[:, None, None, :]
        return ops.concatenate([x, planes], axis=-1)

    def compute_output_shape(self, input_shape):
        x, labels = input_shape
        return (*x[:-1], x[-1] + labels[-1])

    def get_config(self):
        # Keras makes none by itself of a layer that was given a policy.
        return super().get_config()
