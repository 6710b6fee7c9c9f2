import keras
from keras import ops

from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.classifier.classifier_model import ClassifierModel
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate


@keras.saving.register_keras_serializable(package="keras_genseq")
class ImageClassifier(ClassifierModel):
    """Labels small images; what it sees in them measures other models.

    Two convolutions, each followed by a pooling that halves the sides, and a
    dense layer, of whose outputs a linear layer makes the logits. It is there
    to judge the samples of generators where no large pretrained network fits:
    `encode` gives the features for distances, `classify` the probabilities for
    an inception score.

    Args:
        image_shape: (height, width, channels). Sides of at least 4.
        num_classes: int. Labels are the ints below it.
        filters: sequence of two ints. Channels of the convolutions.
        hidden_units: int. Width of the dense layer, that of the features.
        dropout: float. Rate of the features in training.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, num_classes)` float32 logits.

    Raises:
        ValueError: if a side is below 4 or a count not positive. `fit` takes
            pairs of images and int labels, `(batch_size,)`.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    labels = np.arange(8) % 2
    model = models.ImageClassifier((8, 8, 1), 2, filters=(4, 4), hidden_units=8)
    model.compile("adam")
    model.fit(images, labels, verbose=0)
    probabilities = model.classify(images)["probabilities"]
    features = model.encode(images)
    ```

    Differences from the paper: none known.

    References:
        - [LeCun et al., 1998](https://doi.org/10.1109/5.726791), for its kind
    """

    presets = {
        "image_classifier_mnist": Preset(
            config={"image_shape": (28, 28, 1), "num_classes": 10},
            # Kernels and biases, 1-32-64 channels, 7x7x64-128-10.
            num_parameters=320 + 18_496 + 401_536 + 1_290,
            source="our own; the kind that others judge digits with",
        ),
    }

    def __init__(
        self,
        image_shape,
        num_classes,
        *,
        filters=(32, 64),
        hidden_units=128,
        dropout=0.5,
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        filters = as_counts(filters, "filters")
        hidden_units = check_counts(hidden_units=hidden_units)
        if min(image_shape[:2]) < 4:
            raise ValueError(
                "Height and width must be at least 4: two poolings halve "
                f"them. Received: image_shape={tuple(image_shape)}"
            )
        super().__init__(num_classes=num_classes, **kwargs)
        self.image_shape = image_shape
        self.filters = filters
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.features = self._make_features()
        self.dropped = keras.layers.Dropout(
            as_rate(dropout), dtype=self.dtype_policy
        )
        self.head = keras.layers.Dense(num_classes, dtype=self.dtype_policy)
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.head.build((None, self.hidden_units))
        self.built = True

    def call(self, x, training=False):
        h = self.features(x, training=training)
        logits = self.head(self.dropped(h, training=training))
        return ops.cast(logits, "float32")

    def features_of(self, x):
        return ops.cast(self.features(x, training=False), "float32")

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def example_input(self):
        return tensor_input(
            self.image_shape, "images, in [0, 1]", self.check_inputs
        )

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "filters": list(self.filters),
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    def _make_features(self):
        dtype = self.dtype_policy
        x = inputs = keras.Input(self.image_shape, name="x")
        for filters in self.filters:
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                dtype=dtype,
                data_format="channels_last",
            )(x)
            x = keras.layers.MaxPooling2D(
                2, dtype=dtype, data_format="channels_last"
            )(x)
        x = keras.layers.Flatten(dtype=dtype, data_format="channels_last")(x)
        x = keras.layers.Dense(
            self.hidden_units, activation="relu", dtype=dtype
        )(x)
        return keras.Model(inputs, x, name="features")
