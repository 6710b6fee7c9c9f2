import keras
import numpy as np
import pytest

from keras_genseq.models import GAN
from training.gan_monitor import CollapseAlarm
from training.gan_monitor import find_alarms

GOOD = {
    "d_loss": 1.2,
    "g_loss": 0.9,
    "real_accuracy": 0.7,
    "fake_accuracy": 0.6,
    "real_distance": 9.0,
    "fake_distance": 8.0,
    "generator_gradient_norm": 0.5,
}


def run(*epochs):
    return [{"epoch": i, **GOOD, **e} for i, e in enumerate(epochs)]


def test_a_game_that_goes_well_raises_no_alarm():
    assert find_alarms(run({}, {}, {}, {})) == []


@pytest.mark.parametrize(
    "sign, name, words",
    [
        ({"d_loss": 0.01}, "lost", "stays near 0 (0.010)"),
        ({"fake_distance": 0.9}, "alike", "0.90 apart, two reals 9.00"),
        (
            {"real_accuracy": 1.0, "fake_accuracy": 0.999},
            "pinned",
            "reals 1.000, fakes 0.999",
        ),
        (
            {"real_accuracy": 0.0, "fake_accuracy": 0.001},
            "pinned",
            "let it move more often",
        ),
        ({"generator_gradient_norm": 1e-9}, "silent", "has vanished (1.0e-09)"),
    ],
    ids=str,
)
def test_a_sign_counts_once_it_has_lasted(sign, name, words):
    assert find_alarms(run(sign, sign, {}, sign)) == []
    alarms = find_alarms(run({}, sign, sign, sign, sign))
    assert [(a.name, a.epoch) for a in alarms] == [(name, 3)]
    assert words in str(alarms[0]) and "epoch 4" in str(alarms[0])
    again = find_alarms(run(sign, {}, sign), patience=1)
    assert [a.epoch for a in again] == [0, 2]


def test_a_loss_of_nan_is_an_alarm_at_once():
    (alarm,) = find_alarms(run({}, {"g_loss": float("nan")}))
    assert (alarm.name, alarm.epoch) == ("diverged", 1)
    assert "g_loss nan" in str(alarm)


def test_what_is_no_sign_of_a_critic():
    assert find_alarms(run(*[{"d_loss": -0.01}] * 5)) == []
    sure = {"d_loss": 0.01, "real_accuracy": 1.0, "fake_accuracy": 1.0}
    names = [a.name for a in find_alarms(run(*[sure] * 3))]
    assert names == ["lost", "pinned"]
    assert find_alarms(run(*[sure] * 3), is_critic=True) == []
    alike = {**sure, "fake_distance": 0.0}
    (alarm,) = find_alarms(run(*[alike] * 3), is_critic=True)
    assert alarm.name == "alike"


def test_the_callback_hears_a_collapsed_generator(capsys):
    model = GAN((4, 4, 1), 2, generator_units=(3,), discriminator_units=(3,))
    kernel = model.generator.layers[-2].kernel
    kernel.assign(np.zeros(kernel.shape))
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.0),
        discriminator_optimizer=keras.optimizers.SGD(0.0),
    )
    x = np.random.default_rng(0).random((16, 4, 4, 1)).astype("float32")
    before = run({"fake_distance": 0.0})
    alarm = CollapseAlarm(before, patience=3)
    history = model.fit(
        x, epochs=3, initial_epoch=1, batch_size=8, verbose=0, callbacks=[alarm]
    ).history
    assert [a.epoch for a in alarm.alarms if a.name == "alike"] == [2]
    assert "samples are alike" in capsys.readouterr().out
    gaps = [
        np.linalg.norm(a - b)
        for half in (x[:8], x[8:])
        for a, b in zip(half, np.roll(half, 1, 0), strict=True)
    ]
    # Shuffled, the neighbours are others; the scale is that of the data.
    assert history["real_distance"][-1] == pytest.approx(np.mean(gaps), rel=0.2)
    assert history["fake_distance"][-1] == 0.0
