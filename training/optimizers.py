"""Optimizers and learning rates of recipes, as factories."""

import re

import keras

from training.factory import Factory


def adam(learning_rate, **kwargs):
    """`Factory` of Adam at a rate, or at the rates of a schedule's factory."""
    return Factory(keras.optimizers.Adam, learning_rate=learning_rate, **kwargs)


def adamw(learning_rate, **kwargs):
    """`Factory` of AdamW, as `adam`."""
    return Factory(
        keras.optimizers.AdamW, learning_rate=learning_rate, **kwargs
    )


@keras.saving.register_keras_serializable(package="keras_genseq")
class KernelAdamW(keras.optimizers.AdamW):
    """AdamW that lets kernels decay alone.

    Biases, normalizations, tokens and positions, which are no factors of a
    product, stay as they are. Unlike what `exclude_from_weight_decay` says,
    this is kept where the optimizer is saved.

    Args:
        *args: passed to `keras.optimizers.AdamW`.
        **kwargs: passed to `keras.optimizers.AdamW`.
    """

    def _use_weight_decay(self, variable):
        # Keras hands over TensorFlow's own variables, those of replicas too.
        return bool(re.search(r"kernel(/replica_\d+)?(:\d+)?$", variable.name))


def kernel_adamw(learning_rate, **kwargs):
    """`Factory` of `KernelAdamW`, as `adam`."""
    return Factory(KernelAdamW, learning_rate=learning_rate, **kwargs)


def sgd(learning_rate, **kwargs):
    """`Factory` of gradient descent, as `adam`."""
    return Factory(keras.optimizers.SGD, learning_rate=learning_rate, **kwargs)


def cosine(initial_learning_rate, **kwargs):
    """`Factory` of a rate that falls along a cosine until the run's end."""
    return Factory(
        keras.optimizers.schedules.CosineDecay,
        initial_learning_rate=initial_learning_rate,
        **kwargs,
    )


@keras.saving.register_keras_serializable(package="keras_genseq")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that stays for a share of a run, then falls linearly to 0.

    Args:
        initial_learning_rate: float.
        decay_steps: int. Steps of the whole run, after which it is 0.
        constant_share: float in [0, 1). Of the updates, before it falls.
        steps_per_update: int. Steps of the run for each update of this
            optimizer, such as the critic's steps for each of a generator.
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        constant_share=0.5,
        steps_per_update=1,
    ):
        if not 0.0 <= constant_share < 1.0:
            raise ValueError(
                "`constant_share` must be in [0, 1). "
                f"Received: constant_share={constant_share}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.constant_share = constant_share
        self.steps_per_update = steps_per_update

    def __call__(self, step):
        steps = self.steps_per_update * keras.ops.cast(step, "float32")
        done = steps / self.decay_steps
        left = (1.0 - done) / (1.0 - self.constant_share)
        return self.initial_learning_rate * keras.ops.clip(left, 0.0, 1.0)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "constant_share": self.constant_share,
            "steps_per_update": self.steps_per_update,
        }


def decaying(optimizer, learning_rate, ema_momentum, **kwargs):
    """A rate that falls linearly to 0 at the end of a run, averaged weights.

    Args:
        optimizer: class, such as `keras.optimizers.Adam`.
        learning_rate: float. The first rate.
        ema_momentum: float. Of the moving averages, which validate and are
            kept as the best weights.
        **kwargs: passed to the optimizer.

    Returns:
        `Factory` of the optimizer.
    """
    return Factory(
        optimizer,
        learning_rate=Factory(
            keras.optimizers.schedules.PolynomialDecay,
            initial_learning_rate=learning_rate,
            end_learning_rate=0.0,
        ),
        use_ema=True,
        ema_momentum=ema_momentum,
        **kwargs,
    )


def momentum(ema_momentum):
    """Momentum of 0.9 at a rate that falls from 0.05, and averaged weights.

    The optimizer of NADE's paper is plain stochastic gradient descent.
    """
    return decaying(keras.optimizers.SGD, 0.05, ema_momentum, momentum=0.9)


def clipped(optimizer, learning_rate, ema_momentum):
    """Arguments of `compile`: `decaying` with clipped gradients, without XLA.

    XLA's convolutions are slow on a CPU. The loops of the LSTM variants are
    compiled all the same.

    Args:
        optimizer: as for `decaying`.
        learning_rate: as for `decaying`.
        ema_momentum: as for `decaying`.
    """
    return {
        "optimizer": decaying(
            optimizer, learning_rate, ema_momentum, global_clipnorm=100.0
        ),
        "jit_compile": False,
    }


def adam_for_both(
    generator_rate=2e-4,
    discriminator_rate=2e-4,
    decays=False,
    jit_compile=True,
):
    """Arguments of `compile`: Adam for generator and discriminator.

    Args:
        generator_rate: float.
        discriminator_rate: float.
        decays: bool. Whether both rates end at a tenth, along a cosine.
        jit_compile: bool.
    """
    rates = {"generator": generator_rate, "discriminator": discriminator_rate}
    return _adams(rates, decays, jit_compile)


def adam_for_autoencoder(
    *,
    autoencoder_rate=1e-3,
    discriminator_rate=2e-4,
    generator_rate=2e-4,
    classifier_rate=None,
):
    """Arguments of `compile` of an `AdversarialAutoencoder`.

    All rates end at a tenth, along a cosine.

    Args:
        autoencoder_rate: float.
        discriminator_rate: float.
        generator_rate: float.
        classifier_rate: float, of a model with categories; or None.
    """
    rates = {
        "autoencoder": autoencoder_rate,
        "discriminator": discriminator_rate,
        "generator": generator_rate,
    }
    if classifier_rate is not None:
        rates["classifier"] = classifier_rate
    return _adams(rates, True, True)


def _adams(rates, decays, jit_compile):
    """Adam for each network, with little momentum in adversarial training."""
    return {
        f"{network}_optimizer": adam(
            cosine(rate, alpha=0.1) if decays else rate,
            beta_1=0.5 if network in ("generator", "discriminator") else 0.9,
        )
        for network, rate in rates.items()
    } | {"jit_compile": jit_compile, "steps_per_execution": 10}


def staged_learning_rate(decay_steps, initial_learning_rate=2e-3, growth=1.0):
    """Eight rates in a row, from the initial one down to a tenth of it.

    The stages of Burda et al., 2016, are three times longer each than the one
    before, over 3,280 epochs of small batches. Of a small budget that would
    leave two thirds to the lowest rate, so that stages are equally long by
    default.

    Args:
        decay_steps: int. Updates of the whole run.
        initial_learning_rate: float. The paper's is 0.001.
        growth: float. Length of a stage over that of the one before.

    Returns:
        Keras learning-rate schedule.
    """
    lengths = [growth**i for i in range(8)]
    shares = [sum(lengths[: i + 1]) / sum(lengths) for i in range(7)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(decay_steps * share) for share in shares],
        [initial_learning_rate * 10.0 ** (-i / 7) for i in range(8)],
    )
