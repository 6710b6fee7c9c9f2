"""Critics whose slope nothing bounds."""

import warnings

import keras


def warn_if_unbounded(adversarial_loss, discriminators, remedy, stacklevel=2):
    """Warns of a Wasserstein loss that has no minimum.

    Args:
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        discriminators: list of Keras models.
        remedy: str. The sentence that says what to do.
        stacklevel: int. As for `warnings.warn`, from the caller on.
    """
    if adversarial_loss == "wasserstein" and not all(
        any(map(_is_constrained, network._flatten_layers()))
        for network in discriminators
    ):
        warnings.warn(
            "Nothing bounds the slope of this discriminator, and its "
            f"`wasserstein` loss has no minimum. {remedy}",
            stacklevel=stacklevel + 1,
        )


def _is_constrained(layer):
    return isinstance(layer, keras.layers.SpectralNormalization) or bool(
        getattr(layer, "kernel_constraint", None)
    )
