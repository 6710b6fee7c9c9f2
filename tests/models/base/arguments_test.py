"""What `compile` and `fit` are told beside the data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from keras_genseq import models
from tests.conformance.toys import ToyDensity
from tests.conformance.toys import ToyGAN

X = (np.arange(8 * 6).reshape(8, 6) % 5 > 2).astype("float32")


def density(**options):
    model = ToyDensity(6)
    model.compile(
        keras.optimizers.SGD(0.5), **{"jit_compile": False, **options}
    )
    return model


def test_empty_lists_of_metrics_are_none():
    model = density(metrics=[], weighted_metrics=(), loss=None)
    assert np.isfinite(model.fit(X, verbose=0).history["nll"]).all()


@pytest.mark.parametrize(
    "compile_it, words",
    [
        (lambda: ToyDensity(6).compile(lr=0.1), "no argument `lr`.*optimizer"),
        (
            lambda: ToyGAN((2, 2, 1), 2).compile(d_optimizer="adam"),
            "no argument `d_optimizer`.*discriminator_optimizer",
        ),
    ],
)
def test_options_that_compile_does_not_have_are_told(compile_it, words):
    with pytest.raises(TypeError, match=words):
        compile_it()


@pytest.mark.parametrize("value", ["yes", 2, [True]])
def test_jit_compile_is_one_of_three(value):
    with pytest.raises(ValueError, match='`jit_compile` must be "auto"'):
        density(jit_compile=value)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be positive"),
        ({"validation_batch_size": 0.5}, "`validation_batch_size` must be"),
        ({"initial_epoch": -1}, "`initial_epoch` must be an int"),
        ({"callbacks": "early"}, "must be callbacks, such as"),
        (
            {"callbacks": [keras.callbacks.EarlyStopping]},
            "must be callbacks, such as",
        ),
        (
            {"callbacks": keras.callbacks.EarlyStopping("val_acc")},
            "monitors `val_acc`, which ToyDensity does not report.*nll",
        ),
    ],
)
def test_what_fit_would_misread_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        density().fit(X, verbose=0, **options)


@pytest.mark.parametrize("number", [0, 2.0, "2"])
def test_batches_of_evaluations_are_counted(number):
    model = density()
    for use in (model.evaluate, model.predict):
        with pytest.raises(ValueError, match="`batch_size` must be positive"):
            use(X, batch_size=number, verbose=0)


def test_examples_alone_are_told_to_be_batched():
    data = tf.data.Dataset.from_tensor_slices(X)
    with pytest.raises(ValueError, match=r"single examples.*batch\(32\)"):
        density().fit(data, verbose=0)


def test_a_message_of_another_kind_stays():
    data = tf.data.Dataset.from_tensor_slices(X[:, :5])
    with pytest.raises(ValueError, match=r"must have shape \(batch_size, 6\)"):
        density().fit(data.batch(4), verbose=0)
    with pytest.raises(ValueError, match=r"must have shape \(batch_size, 6\)"):
        density().fit(data, verbose=0)


@pytest.mark.parametrize("rate", [[0.1], "0.1", None, 1.5, -0.1, np.nan])
@pytest.mark.parametrize(
    "make",
    [
        layers.LSTM,
        layers.GRUCell,
        layers.RecurrentEncoder,
        layers.FeedForward,
        lambda n, dropout: layers.TransformerEncoderBlock(
            1, n, dropout=dropout
        ),
        lambda n, dropout: layers.MultiHeadAttention(1, n, dropout=dropout),
        lambda n, dropout: models.RecurrentLanguageModel(9, n, dropout=dropout),
        lambda n, dropout: models.GAN((2, 2, 1), n, dropout=dropout),
    ],
)
def test_dropout_is_a_share(make, rate):
    with pytest.raises(ValueError, match="dropout` "):
        make(4, dropout=rate)


@pytest.mark.parametrize("num_samples", [2**40, 10**12, 2**31])
def test_more_rows_than_memory_holds_are_refused(num_samples):
    with pytest.raises(ValueError, match=r"take at least .* GiB, and this"):
        models.NADE(8, 4).sample(num_samples)


def test_rows_are_measured_by_what_one_of_them_takes():
    model = models.IndependentModel(2**20)
    with pytest.raises(ValueError, match=r"take at least .* GiB, and this"):
        model.sample(10**6, temperature=np.ones(10**6))


def test_what_does_not_fit_into_memory_says_its_size(monkeypatch):
    message = "OOM when allocating tensor with shape[3,1073741824] and type f"
    model = models.NADE(8, 4)

    def run_out(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, message)

    monkeypatch.setattr(model, "apply", run_out)
    with pytest.raises(ValueError, match=r"One tensor of .*, 12 GiB, does not"):
        model.sample(2)


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_a_model_is_no_hdf5(name, tmp_path):
    with pytest.raises(ValueError, match=r"save it as `\.keras`"):
        models.NADE(8, 4).save(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_batch_has_no_more_parts_than_rows(monkeypatch):
    parts = []
    model = density(gradient_accumulation_steps=100)
    losses = model.example_losses

    def counting(*args, **kwargs):
        parts.append(1)
        return losses(*args, **kwargs)

    monkeypatch.setattr(model, "example_losses", counting)
    model.train_on_batch(X[:3])
    assert len(parts) == 3


@pytest.mark.parametrize("frequency", [0, 1.5, True, "1", [2, 0]])
def test_validation_comes_every_so_many_epochs(frequency):
    with pytest.raises(ValueError, match="`validation_freq` must be positive"):
        density().fit(
            X, validation_data=X, validation_freq=frequency, verbose=0
        )


@pytest.mark.parametrize("frequency", [np.int64(2), [2], np.array([2])])
def test_the_epochs_of_validation_may_be_of_numpy(frequency):
    history = density().fit(
        X, epochs=3, validation_data=X, validation_freq=frequency, verbose=0
    )
    assert len(history.history["val_nll"]) == 1


@pytest.mark.parametrize("steps", [0, 1.5, True])
def test_steps_of_evaluations_are_counted(steps):
    for method in ("evaluate", "predict"):
        with pytest.raises(ValueError, match="`steps` must be positive"):
            getattr(density(), method)(X, steps=steps, verbose=0)


@pytest.mark.parametrize("scales", [True, False])
def test_players_scale_their_losses_unless_told_otherwise(scales):
    model = ToyGAN((4, 4, 1), 2, dtype="mixed_float16")
    model.compile(auto_scale_loss=scales)
    kinds = {
        isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        for optimizer, _ in model.optimizer_groups.values()
    }
    assert kinds == {scales}


def test_weighted_arrays_are_shuffled_and_nobody_is_warned_of_it(recwarn):
    density().fit(X, sample_weight=np.ones(8), verbose=0)
    density().fit(tf.data.Dataset.from_tensors(X), verbose=0)
    density().fit(iter([X, X]), verbose=0)
    assert not [w for w in recwarn if "shuffle" in str(w.message)]


@pytest.mark.parametrize("flag", ["run_eagerly", "auto_scale_loss"])
def test_compile_takes_no_word_for_a_flag(flag):
    with pytest.raises(ValueError, match=f"`{flag}` must be True or False"):
        ToyDensity(6).compile("sgd", **{flag: "no"})


@pytest.mark.parametrize("verbose", ["no", -1, 3, 0.5])
def test_how_much_is_told_is_no_other_word_or_number(verbose):
    for method in ("fit", "evaluate", "predict"):
        with pytest.raises(ValueError, match="`verbose` must be an int from 0"):
            getattr(density(), method)(X, verbose=verbose)


@pytest.mark.parametrize(
    "method", ["evaluate", "train_on_batch", "test_on_batch"]
)
def test_a_dict_is_returned_for_no_word(method):
    with pytest.raises(ValueError, match="`return_dict` must be True or False"):
        getattr(density(), method)(X, return_dict="no")


@pytest.mark.parametrize("size", [0, 4])
def test_validation_data_have_at_most_three_parts(size):
    with pytest.raises(ValueError, match=f"a tuple of {size} entries"):
        density().fit(X, validation_data=(X,) * size, verbose=0)


def test_an_optimizer_of_other_weights_is_refused():
    model = ToyDensity(6)
    model.trainable = False
    model.compile("sgd")
    model.trainable = True
    with pytest.raises(ValueError, match="made for other weights"):
        model.fit(X, verbose=0)
    with pytest.raises(ValueError, match="made for other weights"):
        ToyDensity(6).compile(model.optimizer)
    model.compile("sgd", run_eagerly=True)
    model.trainable = False
    model.fit(X, verbose=0)


def test_what_learns_by_descent_needs_an_optimizer():
    model = ToyDensity(6)
    model.compile(None)
    with pytest.raises(ValueError, match='give one, as in `compile\\("adam"'):
        model.fit(X, verbose=0)


def test_weights_are_quantized_where_they_are_served():
    with pytest.raises(ValueError, match=r"weights=.int8.*mode='int8'"):
        density().quantize("int8")


def test_fit_takes_no_word_for_a_flag():
    model = ToyDensity(6)
    model.compile("sgd")
    with pytest.raises(ValueError, match="`shuffle` must be True or False"):
        model.fit(np.zeros((2, 6), "float32"), shuffle="no")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.fit(X, epoch=2), "`fit` of ToyDensity has no .* `epochs`"),
        (lambda m: m.fit(X, workers=2), "`fit` of ToyDensity has no argument"),
        (lambda m: m.evaluate(X, step=2), "`evaluate` .* mean `steps`"),
        (lambda m: m.predict(X, verbos=0), "`predict` .* mean `verbose`"),
        (lambda m: m.train_on_batch(X, reset_metrics=True), "`train_on_batch`"),
        (lambda m: m.test_on_batch(X, dict=True), "`test_on_batch`"),
        (lambda m: m.compile(optimiser="sgd"), "`compile` .* mean `optimizer`"),
    ],
)
def test_an_unknown_argument_is_told_by_the_model(call, words):
    with pytest.raises(TypeError, match=words):
        call(density())


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        keras.callbacks.ReduceLROnPlateau("loss"),
    ],
)
@pytest.mark.parametrize("scaled", [False, True])
def test_one_of_a_schedule_and_a_callback_sets_a_rate(callback, scaled):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    optimizer = keras.optimizers.Adam(schedule)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model = density()
    model.compile(optimizer)
    with pytest.raises(ValueError, match="follows its own ExponentialDecay"):
        model.fit(X, callbacks=[callback], verbose=0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: tf.data.Dataset.from_tensors(X), id="tf.data"),
        pytest.param(lambda: iter([X, X]), id="generator"),
    ],
)
def test_what_comes_in_batches_has_no_batch_size(data):
    model = density()
    words = "`batch_size` is of arrays. .*batch_size=3"
    with pytest.raises(ValueError, match=words):
        model.fit(data(), batch_size=3)
    with pytest.raises(ValueError, match=words):
        model.evaluate(data(), batch_size=3)
    with pytest.raises(ValueError, match=words):
        model.fit(X, validation_data=data(), validation_batch_size=3)


def test_arrays_have_a_batch_size_beside_validation_in_batches():
    model = density()
    validation = tf.data.Dataset.from_tensors(X)
    history = model.fit(X, batch_size=3, validation_data=validation, verbose=0)
    assert "val_loss" in history.history


def test_epochs_that_end_before_they_begin_are_refused():
    with pytest.raises(ValueError, match="initial_epoch=5, epochs=2"):
        density().fit(X, initial_epoch=5, epochs=2)
    assert not density().fit(X, initial_epoch=2, epochs=2).epoch
