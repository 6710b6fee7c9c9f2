"""The Vision Transformer by KerasHub, on the backend that Keras has.

A process of these candidates imports nothing of ours that needs TensorFlow.
"""

import keras

from training.benchmarks.vit_workload import EPSILON
from training.benchmarks.vit_workload import LEARNING_RATE
from training.benchmarks.vit_workload import POLICIES
from training.benchmarks.vit_workload import WEIGHT_DECAY
from training.benchmarks.vit_workload import images
from training.benchmarks.vit_workload import labels

_BACKENDS = {"tensorflow": "", "jax": " on JAX"}


def classifiers(sizes, arrays):
    """A forward pass, by name; each call gives logits.

    Args:
        sizes: `training.benchmarks.vit_workload.Sizes`.
        arrays: our weights, by `vit_workload.keras_hub_arrays`.
    """
    model, x = make_model(sizes, arrays), _images(sizes)
    return {_name(): lambda: model.predict_on_batch(x)}


def trainers(sizes, arrays, precision):
    """A training step, by name; each call gives the loss before it."""
    model = make_model(sizes, arrays, precision)
    model.compile(
        keras.optimizers.AdamW(
            LEARNING_RATE, weight_decay=WEIGHT_DECAY, epsilon=EPSILON
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x, y = _images(sizes), labels(sizes)

    def step():
        model.reset_metrics()
        return float(model.train_on_batch(x, y))

    return {_name(): step}


def make_model(sizes, arrays, precision="float32"):
    """Images in [-1, 1] to logits, with our weights."""
    import keras_hub

    backbone = keras_hub.models.ViTBackbone(
        image_shape=sizes.image_shape,
        patch_size=sizes.patch_size,
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        hidden_dim=sizes.hidden_dim,
        mlp_dim=4 * sizes.hidden_dim,
        dropout_rate=0.0,
        attention_dropout=0.0,
        layer_norm_epsilon=1e-6,
        dtype=POLICIES[precision],
    )
    head = keras.layers.Dense(sizes.num_classes, dtype="float32")
    logits = head(backbone.output[:, 0])
    model = keras.Model(backbone.input, logits)
    # The seeds of dropout are weights, too.
    weights = [
        w for w in model.weights if keras.backend.is_float_dtype(w.dtype)
    ]
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)
    return model


def _images(sizes):
    return 2.0 * images(sizes) - 1.0


def _name():
    return f"KerasHub ViT{_BACKENDS[keras.backend.backend()]}"
