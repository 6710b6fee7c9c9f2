"""Alarms of adversarial training, each with advice, from the metrics."""

import dataclasses
import math

import keras

# Epochs in a row after which a sign counts.
PATIENCE = 3
_LOST = 0.05
_ALIKE = 0.3
_PINNED = 0.995
_SILENT = 1e-6


@dataclasses.dataclass(frozen=True)
class Alarm:
    """What is wrong since when, and what to do.

    Attributes:
        name: str.
        epoch: int. The epoch, counted from 0, in which it was raised.
        advice: str.
    """

    name: str
    epoch: int
    advice: str

    def __str__(self):
        return f"Alarm in epoch {self.epoch + 1}: {self.advice}"


def find_alarms(history, patience=PATIENCE, is_critic=False):
    """Alarms of a run, each where it begins.

    Args:
        history: list of dicts, the metrics of every epoch, with `epoch`.
        patience: int. Epochs in a row with a sign before it is an alarm; a
            loss that is not finite is one at once.
        is_critic: bool. Whether the loss is `wasserstein`: then neither the
            discriminator's loss nor its accuracy is a sign.

    Returns:
        list of `Alarm`, in the order of epochs. A sign that ends and comes
        back is an alarm again.
    """
    signs = dict(_SIGNS)
    if is_critic:
        del signs["lost"], signs["pinned"]
    alarms, lengths = [], dict.fromkeys(signs, 0)
    for logs in history:
        for name, (is_there, advice) in signs.items():
            lengths[name] = lengths[name] + 1 if is_there(logs) else 0
            due = 1 if name == "diverged" else patience
            if lengths[name] == due:
                alarms.append(
                    Alarm(name, int(logs["epoch"]), advice.format(**logs))
                )
    return alarms


class CollapseAlarm(keras.callbacks.Callback):
    """Prints alarms at the end of the epochs in which they are raised.

    Args:
        history: list of dicts, the metrics of the epochs before, of a run that
            goes on; None of one that begins.
        patience: int. As for `find_alarms`.

    Example:
        model.fit(images, epochs=50, callbacks=[CollapseAlarm()])
    """

    def __init__(self, history=None, patience=PATIENCE):
        super().__init__()
        self.history = list(history or ())
        self.patience = patience
        self.alarms = []

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({"epoch": epoch, **(logs or {})})
        is_critic = has_critic(self.model)
        for alarm in find_alarms(self.history, self.patience, is_critic):
            if alarm.epoch == epoch:
                self.alarms.append(alarm)
                print(f"\n{alarm}")


def has_critic(model):
    """Whether an `AdversarialModel` plays for the `wasserstein` loss."""
    return model.adversarial_loss == "wasserstein"


def _has_diverged(logs):
    return any(
        not math.isfinite(logs.get(name, 0.0)) for name in ("d_loss", "g_loss")
    )


def _is_lost(logs):
    # A loss below 0 is no cross-entropy, and near 0 means nothing there.
    return 0.0 <= logs.get("d_loss", 1.0) < _LOST


def _are_alike(logs):
    real = logs.get("real_distance", 0.0)
    return logs.get("fake_distance", real) < _ALIKE * real


def _is_pinned(logs):
    real, fake = (logs.get(f"{n}_accuracy", 0.5) for n in ("real", "fake"))
    return min(real, fake) > _PINNED or max(real, fake) < 1.0 - _PINNED


def _is_silent(logs):
    return logs.get("generator_gradient_norm", 1.0) < _SILENT


_SIGNS = {
    "diverged": (
        _has_diverged,
        "a loss is no longer finite (d_loss {d_loss}, g_loss {g_loss}). Lower "
        "both learning rates, clip gradients (`global_clipnorm` of the "
        "optimizers), or take a bounded loss such as `hinge` with `r1_weight`.",
    ),
    "lost": (
        _is_lost,
        "the discriminator's loss stays near 0 ({d_loss:.3f}): it tells fakes "
        "without effort, and the generator learns little. Lower the "
        "discriminator's learning rate, give it dropout, or set `r1_weight` "
        "(from 2.0 on) or `gradient_penalty_weight`.",
    ),
    "alike": (
        _are_alike,
        "samples are alike: two fakes of a batch are {fake_distance:.2f} "
        "apart, two reals {real_distance:.2f}. The generator has collapsed. "
        "Start anew with a lower learning rate of the generator, `r1_weight`, "
        "or the `wasserstein` loss with `gradient_penalty_weight`.",
    ),
    "pinned": (
        _is_pinned,
        "the discriminator's accuracy is pinned (reals {real_accuracy:.3f}, "
        "fakes {fake_accuracy:.3f}): one network has won. At 1, weaken the "
        "discriminator (its learning rate, dropout, `r1_weight`); at 0, let "
        "it move more often (`discriminator_updates`) or faster.",
    ),
    "silent": (
        _is_silent,
        "the generator's gradient has vanished "
        "({generator_gradient_norm:.1e}). Take the `non_saturating` loss, a "
        "weaker discriminator, or other initial weights.",
    ),
}
