"""What every argument of training counts for, in every container of data."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import models
from tests.conformance.toys import ToyDensity
from tests.conformance.toys import ToyGAN

X = (np.arange(8 * 6).reshape(8, 6) % 5 > 2).astype("float32")


def density():
    model = ToyDensity(6)
    model.compile(keras.optimizers.SGD(0.5))
    return model


def classifier():
    model = models.SequenceClassifier(2, 3, vocabulary_size=5)
    model.compile(keras.optimizers.SGD(0.5))
    return model


def change(model, train):
    before = [w.numpy() for w in model.trainable_weights]
    train(model)
    after = [w.numpy() for w in model.trainable_weights]
    return max(np.abs(a - b).max() for a, b in zip(before, after, strict=True))


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 2

    def __getitem__(self, index):
        parts = tuple(
            a if a is None else a[4 * index : 4 * index + 4]
            for a in self.arrays
        )
        return parts if len(parts) > 1 else parts[0]


def batches(*arrays):
    dataset = Batches(*arrays)
    yield from (dataset[i] for i in range(2))


CONTAINERS = {
    "arrays": lambda x: (x,),
    "tf.data": lambda x: (tf.data.Dataset.from_tensor_slices(x).batch(4),),
    "PyDataset": lambda x: (Batches(x),),
    "generator": lambda x: (batches(x),),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("spoil", [255.0, np.nan])
def test_every_container_is_checked(container, spoil):
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match="must hold only"
    ):
        density().fit(*CONTAINERS[container](X * spoil), verbose=0)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_trains(container):
    data = CONTAINERS[container](X)
    assert change(density(), lambda m: m.fit(*data, verbose=0)) > 1e-3


SERIES = np.linspace(0.0, 1.0, 48).reshape(8, 6).astype("float32")
PAIRS = {
    "classifier": (
        lambda: models.SequenceClassifier(2, 3, vocabulary_size=5),
        np.tile([[1, 2, 3]], (8, 1)),
        np.arange(8) % 2,
        np.arange(8) + 7,
    ),
    "forecaster": (
        lambda: models.SequenceForecaster(2, 3),
        SERIES,
        SERIES[:, :2],
        np.nan * SERIES[:, :2],
    ),
}


@pytest.mark.parametrize("make", [batches, Batches], ids=["generator", "Py"])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_every_container_are_checked(make, name):
    make_model, x, y, bad = PAIRS[name]
    model = make_model()
    model.compile("sgd")
    model.fit(make(x, y), verbose=0)
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match="`y` must"
    ):
        model.fit(make(x, bad), verbose=0)


def test_weights_count_without_targets():
    zero, one = np.zeros(8), np.ones(8)
    for fit in (
        lambda m, w: m.fit(X, sample_weight=w, verbose=0),
        lambda m, w: m.fit(
            tf.data.Dataset.from_tensors((X, None, w)), verbose=0
        ),
        lambda m, w: m.fit(Batches(X, None, w), verbose=0),
        lambda m, w: m.train_on_batch(X, sample_weight=w),
    ):
        assert change(density(), lambda m, f=fit: f(m, zero)) == 0.0
        assert change(density(), lambda m, f=fit: f(m, one)) > 1e-3


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="one weight for each example"):
        density().fit(X, sample_weight=np.ones((8, 6)), verbose=0)


def test_class_weights_weigh_the_examples_of_a_class():
    x, y = np.tile([[1, 2, 3]], (8, 1)), np.arange(8) % 2
    weights = np.where(y == 1, 3.0, 1.0)
    one, two = classifier(), classifier()
    two.set_weights(one.get_weights())
    one.fit(x, y, class_weight={1: 3.0}, batch_size=8, verbose=0)
    two.fit(x, y, sample_weight=weights, batch_size=8, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_class_weights_of_steps_are_refused():
    tagger = models.SequenceClassifier(
        2, 3, vocabulary_size=5, return_sequences=True
    )
    tagger.compile("sgd")
    x = np.tile([[1, 2, 3]], (4, 1))
    with pytest.raises(ValueError, match="does not learn classes"):
        tagger.fit(x, x % 2, class_weight={1: 100.0}, verbose=0)


def test_weights_of_steps_are_refused():
    tagger = models.SequenceClassifier(
        2, 3, vocabulary_size=5, return_sequences=True
    )
    tagger.compile("sgd")
    x = np.tile([[1, 2, 3]], (4, 1))
    with pytest.raises(ValueError, match=r"one weight for each .*\(4, 3\)"):
        tagger.fit(x, x % 2, sample_weight=np.ones((4, 3)), verbose=0)


def test_class_weights_are_refused_without_classes():
    with pytest.raises(ValueError, match="does not learn classes"):
        density().fit(X, class_weight={0: 2.0}, verbose=0)


@pytest.mark.parametrize(
    "argument", [{"loss": "mse"}, {"metrics": ["accuracy"]}]
)
def test_a_loss_or_metric_of_others_is_refused(argument):
    with pytest.raises(ValueError, match="brings its own loss and metrics"):
        ToyDensity(6).compile("adam", **argument)


@pytest.mark.parametrize("own", [("mse",), (None, None, ["accuracy"])])
def test_a_loss_or_metric_in_its_place_is_refused(own):
    with pytest.raises(ValueError, match="brings its own loss and metrics"):
        ToyDensity(6).compile("adam", *own)
    with pytest.raises(ValueError, match="brings its own loss and metrics"):
        ToyGAN((2, 2, 1), 2).compile(None, *own)


def test_a_refused_compile_leaves_no_trace():
    model = ToyDensity(6)
    with pytest.raises(ValueError, match="brings its own loss and metrics"):
        model.compile("adam", metrics=["accuracy"])
    model.compile("adam")
    assert np.isfinite(model.fit(X, verbose=0).history["nll"]).all()


def test_callbacks_know_which_way_a_metric_is_better():
    x, y = np.tile([[1, 2, 3]], (8, 1)), np.arange(8) % 2
    for monitor, better in (("val_accuracy", np.greater), ("loss", np.less)):
        callback = keras.callbacks.EarlyStopping(monitor, patience=1)
        classifier().fit(
            x, y, validation_data=(x, y), callbacks=[callback], verbose=0
        )
        assert callback.monitor_op.__name__ == better.__name__
    callback = keras.callbacks.EarlyStopping("val_nll")
    density().fit(X, validation_data=X, callbacks=[callback], verbose=0)
    assert callback.monitor_op.__name__ == "less"


def test_a_checkpoint_keeps_the_best_by_our_metrics(tmp_path):
    path = tmp_path / "best.keras"
    callback = keras.callbacks.ModelCheckpoint(
        path, monitor="val_nll", save_best_only=True
    )
    density().fit(X, validation_data=X, callbacks=[callback], verbose=0)
    assert path.exists() and callback.monitor_op.__name__ == "less"


@pytest.mark.parametrize("steps_per_execution", [1, 3, 4, 20])
def test_an_epoch_has_its_steps_whatever_the_execution(steps_per_execution):
    model = ToyDensity(6)
    model.compile("sgd", steps_per_execution=steps_per_execution)
    told = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: told.append(batch)
    )
    data = tf.data.Dataset.from_tensors(X).repeat()
    model.fit(
        data, steps_per_epoch=7, epochs=2, callbacks=[callback], verbose=0
    )
    assert int(model.optimizer.iterations) == 14
    assert max(told) == 6


def test_padding_changes_no_update():
    x = np.array([[1, 2, 3], [4, 1, 0]], "int32")
    weights = []
    for width in (3, 9, 40):
        keras.utils.set_random_seed(0)
        model = models.TransformerLanguageModel(
            5, num_layers=1, hidden_dim=8, num_heads=2, dropout=0.0
        )
        model.compile(keras.optimizers.SGD(0.5))
        padded = np.pad(x, [[0, 0], [0, width - 3]])
        model.fit(padded, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for others in weights[1:]:
        for a, b in zip(weights[0], others, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_padding_in_front_is_moved():
    model = models.TransformerLanguageModel(
        5, num_layers=1, hidden_dim=8, num_heads=2
    )
    front, end = [[0, 0, 0, 1, 2]], [[1, 2, 0, 0, 0]]
    scores = [model.log_prob(np.array(x, "int32")) for x in (front, end)]
    np.testing.assert_array_equal(*scores)
    with pytest.raises(ValueError, match="a 0 between tokens"):
        model.log_prob(np.array([[1, 0, 2]], "int32"))


def test_rows_of_any_length_are_taken():
    model = models.RecurrentLanguageModel(5, 4)
    model.compile("sgd")
    ragged = [[1, 2, 3], [4]]
    padded = np.array([[1, 2, 3], [4, 0, 0]], "int32")
    for x in (ragged, tf.ragged.constant(ragged)):
        np.testing.assert_array_equal(model.log_prob(x), model.log_prob(padded))
        model.fit(x, verbose=0)
    answers = [model.generate(x, 3, seed=0) for x in (ragged, padded)]
    np.testing.assert_array_equal(*answers)


def gan(**kwargs):
    model = ToyGAN((4, 8, 1), 3, seed=1)
    optimizers = {
        "discriminator_optimizer": keras.optimizers.SGD(0.2),
        "generator_optimizer": keras.optimizers.SGD(0.1),
    }
    model.compile(**{**optimizers, **kwargs})
    return model


def test_one_optimizer_is_not_shared():
    optimizer = keras.optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="Make one for each"):
        gan(generator_optimizer=optimizer, discriminator_optimizer=optimizer)


class Halve(keras.callbacks.Callback):
    """Sets a rate as callbacks do that know of one optimizer."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.1


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        Halve(),
    ],
    ids=["scheduler", "one_rate", "own"],
)
def test_learning_rate_callbacks_reach_every_optimizer(callback):
    model = gan()
    model.fit(np.ones((4, 4, 8, 1)), callbacks=[callback], verbose=0)
    rates = [
        float(getattr(model, f"{group}_optimizer").learning_rate)
        for group in ("discriminator", "generator")
    ]
    assert rates == pytest.approx([0.1, 0.05])


def test_averaged_weights_of_every_player_are_in_place_after_fit():
    model = gan()
    sgd = keras.optimizers.SGD
    model.compile(
        generator_optimizer=sgd(0.1, use_ema=True, ema_momentum=1.0),
        discriminator_optimizer=sgd(0.2, use_ema=True, ema_momentum=1.0),
    )
    model.fit(np.ones((4, 4, 8, 1)), epochs=2, verbose=0)
    for optimizer, variables in model.optimizer_groups.values():
        averages = optimizer._model_variables_moving_average
        for variable, average in zip(variables, averages, strict=True):
            np.testing.assert_array_equal(variable, average)


def test_a_plateau_lowers_the_rates_of_all_players():
    model = gan()
    callback = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=100.0
    )
    model.fit(np.ones((4, 4, 8, 1)), epochs=2, callbacks=[callback], verbose=0)
    rates = [
        float(getattr(model, f"{group}_optimizer").learning_rate)
        for group in ("discriminator", "generator")
    ]
    assert rates == pytest.approx([0.1, 0.05])


def test_a_summary_counts_the_variables_of_all_optimizers():
    model, lines = gan(), []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    optimizers = (model.generator_optimizer, model.discriminator_optimizer)
    count = sum(
        math.prod(v.shape) for each in optimizers for v in each.variables
    )
    assert f"Optimizer params: {count:,}" in "".join(lines)


def test_several_optimizers_weigh_no_examples():
    with pytest.raises(ValueError, match="leave the sample weights out"):
        gan().fit(np.ones((4, 4, 8, 1)), sample_weight=np.ones(4), verbose=0)


def test_a_phase_keeps_what_optimizers_know_of_weights_that_stay():
    model = gan(generator_optimizer=keras.optimizers.Adam(0.1))
    model.fit(np.ones((4, 4, 8, 1)), verbose=0)
    before = [v.numpy() for v in model.generator_optimizer.variables]
    first = model.train_function
    model.start_phase(1)
    after = [v.numpy() for v in model.generator_optimizer.variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a).max() > 0.0 for a in before[2:])
    model.fit(np.ones((4, 4, 8, 1)), verbose=0)
    assert model.phase == 1 and model.train_function is not first
