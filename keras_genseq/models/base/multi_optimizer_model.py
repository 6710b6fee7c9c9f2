"""The base of models with several optimizers, updated one after the other."""

import contextlib

import keras
import tensorflow as tf
from keras import ops

from keras_genseq import losses
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.training_seeds import VALIDATION_STEP
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.values import check_flags


class MultiOptimizerModel(BaseModel):
    """A model whose step updates several groups of networks in an order.

    A system says which groups there are, and what each minimizes:

    - `group_networks`: dict of group to the networks whose weights it trains;
      a network may belong to several groups;
    - `<group>_loss(batch, training=True)` for each of them: `(batch_size,)`
      losses and a dict of `(batch_size,)` terms;
    - `loss_names`: dict of group to the name of the metric of its loss;
    - `update_order`: the groups of one step, if not each of them once;
    - `batch_of(x, y)`: what the losses take, a dict; seeds are added.

    Each group has an optimizer, `compile(<group>_optimizer=)`. All of them are
    built with the model and saved with it, and scale their losses under the
    policy `mixed_float16`. To callbacks they are one: a learning rate that a
    callback sets reaches all of them, in the proportions that they have.

    A model that grows trains in phases. Each has networks of static shapes and
    a trace of its own: `start_phase` changes what `group_networks` returns, and
    optimizers keep what they know of the weights that stay.

    Args:
        seed: int. Of the noise of training; None draws one.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        **kwargs: what `keras.Model` takes.
    """

    loss_names = {}
    # Of a model that grows; see `start_phase`.
    phase = 0

    def __init__(
        self, *, seed=None, adversarial_loss="non_saturating", **kwargs
    ):
        check_choice(
            "adversarial_loss", adversarial_loss, losses.ADVERSARIAL_LOSSES
        )
        super().__init__(**kwargs)
        self.draw_noise_from(seed)
        self.adversarial_loss = adversarial_loss
        self.loss_pair = losses.ADVERSARIAL_LOSSES[adversarial_loss]

    @property
    def group_networks(self):
        """dict: group -> list of the networks that it trains."""
        raise NotImplementedError

    @property
    def update_order(self):
        """The groups that one step updates, in this order: list of str."""
        return list(self.group_networks)

    @property
    def optimizer_groups(self):
        return {
            group: (
                getattr(self, f"{group}_optimizer", None),
                [v for n in networks for v in n.trainable_variables],
            )
            for group, networks in self.group_networks.items()
        }

    @property
    def optimizer(self):
        """All optimizers as one, for callbacks; None before `compile`."""
        optimizers = [o for o, _ in self.optimizer_groups.values()]
        return JointOptimizer(optimizers) if all(optimizers) else None

    @optimizer.setter
    def optimizer(self, optimizer):
        if optimizer is not None:
            raise ValueError(self._names_of_optimizers())

    def compile(self, optimizer=None, *own, **kwargs):
        """Configures training.

        Args:
            optimizer: None: every group has its own.
            *own: refused, as by `BaseModel.compile`.
            **kwargs: `<group>_optimizer`, a Keras optimizer or its name
                (`"adam"` where it is left out); the rest as for
                `BaseModel.compile`.

        Raises:
            ValueError: if there is an `optimizer` for all, or one serves two
                groups.
        """
        if optimizer is not None:
            raise ValueError(self._names_of_optimizers())
        found = {}
        scales = check_flags(
            auto_scale_loss=kwargs.pop("auto_scale_loss", True)
        )
        for group in self.group_networks:
            name = f"{group}_optimizer"
            mine = keras.optimizers.get(kwargs.pop(name, "adam"))
            mine = self._scaled(mine) if scales else mine
            if any(mine is other for other in found.values()):
                raise ValueError(
                    "An optimizer keeps state of the weights that it updates, "
                    f"and `{name}` is another group's, too. Make one for each."
                )
            found[name] = mine
        for name, mine in found.items():
            setattr(self, name, mine)
        # Each optimizer scales its own losses already.
        super().compile(None, *own, auto_scale_loss=False, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            for group, (optimizer, _) in self.optimizer_groups.items():
                config[f"{group}_optimizer"] = (
                    keras.saving.serialize_keras_object(optimizer)
                )
        return config

    def get_config(self):
        return {
            **super().get_config(),
            "adversarial_loss": self.adversarial_loss,
            "seed": self.seed,
        }

    def layers_of_group(self, group):
        # What another player adds to its own losses is not this one's.
        networks = self.group_networks[group]
        below = [x for n in networks for x in n._flatten_layers()]
        return [self, *{id(layer): layer for layer in below}.values()]

    def make_means(self, *names):
        """Makes a mean metric for every loss, term and norm of gradients.

        Args:
            *names: of the terms. Those of accuracies are better high.
        """
        self._means = [
            keras.metrics.Mean(name, "float32")
            for name in (
                *self.loss_names.values(),
                *names,
                *map(_norm_name, self.group_networks),
            )
        ]
        for mean in self._means:
            if mean.name.endswith(("accuracy", "information")):
                mean._direction = "up"

    def build(self, input_shape):
        self.add_counter()
        self.built = True

    def fit(self, *args, **kwargs):
        history = super().fit(*args, **kwargs)
        if history.epoch:
            # Keras puts averaged weights in place for one optimizer alone.
            for optimizer, variables in self.optimizer_groups.values():
                optimizer.finalize_variable_values(variables)
        return history

    def train_step(self, data):
        """The updates of a step, in their order."""
        order = self.update_order
        batch = self.seeded_batch(data, ops.convert_to_tensor(self.updates))
        group_losses, terms = {}, {}
        for number, group in enumerate(order):
            own = seeds_of_update(batch, number, len(order))
            group_losses[group], more = self.update_group(group, own)
            terms |= more
        self.end_update()
        return self.track(sum(group_losses.values()), terms)

    def update_group(self, group, batch):
        """One update of one group of networks.

        Args:
            group: str. A key of `group_networks`.
            batch: what its loss takes.

        Returns:
            Losses and terms of this replica's share of the batch; the losses
            are also among the terms, under the name of their metric.
        """
        loss_fn = getattr(self, f"{group}_loss")
        counts = self.group_counts(group, batch)
        size = None if counts is None else ops.sum(counts)
        found, terms = self.minimize(loss_fn, batch, group, size)
        return found, {self.loss_names[group]: _counted(found, counts), **terms}

    def group_counts(self, group, batch):
        """What each example counts in the mean loss of a group.

        Returns:
            `(batch_size,)` float32 tensor, or None where all count alike.
        """
        return None

    def test_step(self, data):
        batch = self.seeded_batch(data, VALIDATION_STEP)
        group_losses, terms = self.losses_of(batch)
        logs = self.track(sum(group_losses.values()), terms)
        # Nothing is updated, so there are no gradients.
        norms = set(map(_norm_name, self.group_networks))
        return {k: v for k, v in logs.items() if k not in norms}

    def losses_of(self, batch, training=False):
        """Losses of all groups on one batch, and all terms; no update."""
        group_losses, terms = {}, {}
        for group, name in self.loss_names.items():
            loss_fn = getattr(self, f"{group}_loss")
            found, more = loss_fn(batch, training=training)
            group_losses[group] = found
            counts = self.group_counts(group, batch)
            terms |= {name: _counted(found, counts), **more}
        return group_losses, terms

    def seeded_batch(self, data, step):
        """What the losses take: `batch_of` and the seeds of the examples.

        Raises:
            ValueError: if the data hold weights.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            self.check_sample_weight(sample_weight, x)
        first = tf.nest.flatten(x)[0]
        seeds = self.training_seeds.of_batch(tf.shape(first)[0], step)
        return {**self.batch_of(x, y), "seeds": seeds}

    def batch_of(self, x, y):
        """What the losses take of checked data: dict of tensors, or None."""
        raise NotImplementedError

    def end_update(self):
        """What follows the updates of a step: it is counted."""
        self.updates.assign_add(1)

    def gradient_terms(self, group, grads, scale):
        norm = tf.linalg.global_norm(
            [tf.cast(g, tf.float32) for g in grads if g is not None]
        )
        return {_norm_name(group): norm / scale}

    def check_sample_weight(self, sample_weight, x):
        raise ValueError(
            f"The groups of {type(self).__name__} do not weigh examples: leave "
            "the sample weights out."
        )

    def is_real(self, logits):
        """Which logits count as real: float32 of their shape, 1 or 0."""
        # Least squares tells 1 from 0, all others positive from negative.
        middle = 0.5 if self.adversarial_loss == "least_squares" else 0.0
        return ops.cast(logits > middle, "float32")

    def start_phase(self, phase):
        """Goes on with the networks of another phase.

        Optimizers keep their state of the weights that both phases train; the
        next `fit` traces its step anew.

        Args:
            phase: int. What `group_networks` of the system goes by.
        """
        states = {
            group: {v.path: v for v in optimizer.variables}
            for group, (optimizer, _) in self.optimizer_groups.items()
            if optimizer is not None
        }
        self.phase = phase
        for group, (old, variables) in self.optimizer_groups.items():
            if old is None:
                continue
            new = type(old).from_config(old.get_config())
            new.build(variables)
            for variable in new.variables:
                kept = states[group].get(variable.path)
                if kept is not None and kept.shape == variable.shape:
                    variable.assign(kept)
            setattr(self, f"{group}_optimizer", new)
        self.train_function = self.test_function = None

    def _names_of_optimizers(self):
        names = ", ".join(f"{g}_optimizer=" for g in self.group_networks)
        return (
            f"{type(self).__name__} has an optimizer for each group of "
            f"networks. Pass: {names}."
        )

    def _scaled(self, optimizer):
        optimizer = keras.optimizers.get(optimizer)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not is_scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


class JointOptimizer:
    """Several optimizers as callbacks see them: one learning rate.

    Args:
        optimizers: list of Keras optimizers.
    """

    built = True

    def __init__(self, optimizers):
        # Callbacks of Keras set each of public `optimizers` to one rate.
        self._optimizers = optimizers

    @property
    def iterations(self):
        return self._optimizers[0].iterations

    @property
    def variables(self):
        """Those of all: what `model.summary()` counts."""
        return [
            v for optimizer in self._optimizers for v in optimizer.variables
        ]

    @property
    def learning_rate(self):
        """That of the first one; setting it moves all in proportion."""
        return self._optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        first = float(self._optimizers[0].learning_rate)
        for optimizer in self._optimizers:
            share = float(optimizer.learning_rate) / first if first else 1.0
            optimizer.learning_rate = float(value) * share


def check_choice(name, value, choices):
    """Refuses a value that is not one of the choices.

    Raises:
        ValueError: that names the argument and the choices.
    """
    if value not in tuple(choices):
        raise ValueError(
            f"`{name}` must be one of {tuple(choices)}. "
            f"Received: {name}={value!r}"
        )


def seeds_of_update(batch, number, num_updates):
    """A batch with other seeds for each update of a step.

    Args:
        batch: dict with `seeds`, `(batch_size,)`.
        number: int. Which update.
        num_updates: int. Updates of a step.

    Returns:
        The dict with the seeds of that update.
    """
    seeds = path_seeds(batch["seeds"], num_updates)[:, number]
    return {**batch, "seeds": seeds}


def _counted(losses, counts):
    """Losses as `track` takes them."""
    return losses if counts is None else (losses, counts)


def _norm_name(group):
    return f"{group}_gradient_norm"


@contextlib.contextmanager
def frozen_statistics(*networks):
    """Keeps the moving statistics of batch normalizations as they are.

    Examples are normalized by their batch as ever; but the statistics that
    inference uses follow a network's own updates alone.
    """
    # Replicas are traced by threads that take turns inside a normalization:
    # what they share, such as its `momentum`, must not be changed for a while.
    statistics = [
        variable
        for network in networks
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in layer.non_trainable_variables
    ]
    kept = [tf.identity(variable.value) for variable in statistics]
    yield
    for variable, value in zip(statistics, kept, strict=True):
        variable.assign(value)
