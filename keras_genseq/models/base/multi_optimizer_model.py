"""Models that several players train in turns, each with its own optimizer."""

import contextlib

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.base_model import Trainer
from keras_genseq.models.base.input_validation import CheckedData
from keras_genseq.models.base.presets import FromPreset
from keras_genseq.models.base.training_seeds import CountedNoise
from keras_genseq.ops.random import path_seeds


class PlayersModel(FromPreset, CheckedData, CountedNoise, Trainer):
    """A model whose `train_step` is a sequence of turns.

    A system says who plays and for what:

    - `player_networks`: dict of player to the networks whose weights it trains;
      a network may belong to several players;
    - `<player>_loss(batch, training=True)` for each of them: `(batch_size,)`
      losses and a dict of `(batch_size,)` terms;
    - `player_metrics`: dict of player to the name of the metric of its loss;
    - `train_step`: the turns, in the order of the paper.

    Each player has an optimizer, `compile(<player>_optimizer=)`. All of them
    are built with the model and saved with it, and scale their losses under
    the policy `mixed_float16`.

    Args:
        **kwargs: `seed` of the noise of training, and what `keras.Model` takes.
    """

    player_metrics = {}

    @property
    def player_networks(self):
        """dict: player -> list of the networks that it trains."""
        raise NotImplementedError

    @property
    def players(self):
        return {
            player: (
                getattr(self, f"{player}_optimizer", None),
                [v for n in networks for v in n.trainable_variables],
            )
            for player, networks in self.player_networks.items()
        }

    def compile(self, optimizer=None, **kwargs):
        """Configures training.

        Args:
            optimizer: None: every player has its own.
            **kwargs: `<player>_optimizer`, a Keras optimizer or its name
                (`"adam"` where it is left out); the rest as for
                `Trainer.compile`.

        Raises:
            ValueError: if there is an `optimizer` for all.
        """
        names = [f"{player}_optimizer" for player in self.player_networks]
        if optimizer is not None:
            raise ValueError(
                f"{type(self).__name__} has an optimizer for each player. "
                f"Pass: {', '.join(f'{name}=' for name in names)}."
            )
        for name in names:
            setattr(self, name, self._scaled(kwargs.pop(name, "adam")))
        super().compile(optimizer=None, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            for player, (optimizer, _) in self.players.items():
                config[f"{player}_optimizer"] = (
                    keras.saving.serialize_keras_object(optimizer)
                )
        return config

    def turn(self, player, batch):
        """One update of one player.

        Args:
            player: str. A key of `player_networks`.
            batch: what its loss takes.

        Returns:
            Losses and terms of this replica's share of the batch; the losses
            are also among the terms, under the name of their metric.
        """
        loss_fn = getattr(self, f"{player}_loss")
        losses, terms = self.minimize(loss_fn, batch, player)
        return losses, {self.player_metrics[player]: losses, **terms}

    def make_means(self, *names):
        """Makes a mean metric for every loss and for each of `names`."""
        self._means = [
            keras.metrics.Mean(name, "float32")
            for name in (*self.player_metrics.values(), *names)
        ]

    def _scaled(self, optimizer):
        optimizer = keras.optimizers.get(optimizer)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not is_scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


def seeds_of_turn(batch, number, num_turns):
    """A batch with other seeds for each turn of an update.

    Args:
        batch: dict with `seeds`, `(batch_size,)`.
        number: int. Which turn.
        num_turns: int. Turns of an update.

    Returns:
        The dict with the seeds of that turn.
    """
    seeds = path_seeds(batch["seeds"], num_turns)[:, number]
    return {**batch, "seeds": seeds}


@contextlib.contextmanager
def frozen_statistics(*networks):
    """Keeps the moving statistics of batch normalizations as they are.

    Examples are normalized by their batch as ever; but the statistics that
    inference uses follow a network's own turns alone.
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


def frozen_copy(network):
    """A copy of a network that no player trains, with the same weights."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def follow(averages, variables, decay, updates):
    """Moves exponential averages of variables one update on.

    Args:
        averages: list of variables, the averages.
        variables: list of variables.
        decay: float. What of an average stays.
        updates: integer scalar. Updates before this one; in the first ones
            less stays, so that the beginning is soon forgotten.
    """
    done = ops.cast(updates, "float32")
    share = 1.0 - ops.minimum(decay, (1.0 + done) / (10.0 + done))
    for average, variable in zip(averages, variables, strict=True):
        average.assign_add(share * (variable - average))
