"""The trainer's remedies, and Keras's own faults that they answer.

A test called `test_keras_still_...` fails when Keras has mended the fault: then
its remedy in `keras_genseq/models/base/keras_patches.py` can go.
"""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from keras_genseq.models import ProgressiveGAN
from keras_genseq.models import Trainer
from keras_genseq.models.base import keras_patches
from tests.variable_order import unordered

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, 8, (70, 6)).astype("int32")
TARGETS = RNG.normal(size=(70, 6, 3)).astype("float32")


class OneHotEmbedding(keras.layers.Embedding):
    """The same function as `Embedding`, with dense gradients."""

    def call(self, inputs):
        return keras.ops.matmul(
            keras.ops.one_hot(inputs, self.input_dim), self.embeddings
        )


class Regression(Trainer):
    """Embedding and a dense layer, trained on squared errors."""

    def __init__(self, embedding=keras.layers.Embedding, extra=None, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding(8, 3)
        self.extra = extra
        self.dense = keras.layers.Dense(3)
        self.embedding.build()
        self.dense.build((None, 6, 3))
        if extra is not None:
            extra.build((None, 6, 3))
        self.built = True

    def call(self, x, training=False):
        x = self.embedding(x)
        if self.extra is not None:
            x = self.extra(x, training=training)
        return self.dense(x)

    def example_losses(self, x, y, *, training):
        error = tf.square(self(x, training=training) - y)
        return tf.reduce_mean(error, [1, 2]), {}


class StockRegression(keras.Model):
    """The same model on Keras's own trainer."""

    def __init__(self, embedding=keras.layers.Embedding):
        super().__init__()
        self.embedding = embedding(8, 3)
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(self.embedding(x))


def batches(num_examples=70, known_length=True, batch_size=16):
    dataset = tf.data.Dataset.from_tensor_slices(
        (TOKENS[:num_examples], TARGETS[:num_examples])
    ).batch(batch_size)
    if not known_length:
        dataset = dataset.filter(lambda x, y: True)
    return dataset


def train(
    model_class,
    optimizer,
    *,
    strategy=None,
    data=None,
    epochs=2,
    make=None,
    **compile_arguments,
):
    keras.utils.set_random_seed(1)
    scope = strategy.scope() if strategy else contextlib.nullcontext()
    if issubclass(model_class, StockRegression):
        compile_arguments["loss"] = "mse"
    with scope:
        model = model_class(**(make() if make else {}))
        model.compile(optimizer(), **compile_arguments)
    model.fit(data or batches(), epochs=epochs, verbose=0)
    return model


def weights(model):
    return np.concatenate([w.numpy().ravel() for w in model.trainable_weights])


def distance(a, b):
    return np.abs(weights(a) - weights(b)).max()


def adam():
    return keras.optimizers.Adam(0.01)


def clipped_adam():
    return keras.optimizers.Adam(0.01, global_clipnorm=0.01)


@pytest.mark.parametrize(
    "optimizer",
    [
        adam,
        lambda: keras.optimizers.RMSprop(0.01),
        lambda: keras.optimizers.Adafactor(0.01),
    ],
    ids=["adam", "rmsprop", "adafactor"],
)
def test_embedding_equals_the_dense_model(optimizer):
    sparse = train(Regression, optimizer)
    dense = train(
        Regression, optimizer, make=lambda: {"embedding": OneHotEmbedding}
    )
    assert distance(sparse, dense) < 1e-6


def test_keras_still_mishandles_repeated_ids():
    class StockOneHot(StockRegression):
        def __init__(self):
            super().__init__(OneHotEmbedding)

    sparse, dense = train(StockRegression, adam), train(StockOneHot, adam)
    assert distance(sparse, dense) > 1e-3


@pytest.mark.parametrize(
    "optimizer, arguments",
    [
        (adam, {}),
        (clipped_adam, {}),
        (lambda: keras.optimizers.SGD(0.1, clipvalue=1e-3), {}),
        (adam, {"steps_per_execution": 4}),
        (clipped_adam, {"gradient_accumulation_steps": 4}),
        (lambda: keras.optimizers.AdamW(0.01, use_ema=True), {}),
        (lambda: keras.optimizers.LossScaleOptimizer(adam()), {}),
    ],
    ids=[
        "adam",
        "global_clipnorm",
        "clipvalue",
        "steps_per_execution",
        "accumulation",
        "ema",
        "loss_scale",
    ],
)
def test_two_replicas_equal_one_process(two_replicas, optimizer, arguments):
    one = train(Regression, optimizer, **arguments)
    two = train(Regression, optimizer, strategy=two_replicas, **arguments)
    assert distance(one, two) < 1e-6
    untrained = train(Regression, optimizer, epochs=0, **arguments)
    assert distance(one, untrained) > 1e-4


def test_uneven_last_batch_equals_one_process(two_replicas):
    data = batches(num_examples=21)
    one = train(Regression, adam, data=data)
    two = train(Regression, adam, strategy=two_replicas, data=data)
    assert distance(one, two) < 1e-6
    history = [
        m.evaluate(data, verbose=0, return_dict=True)["loss"]
        for m in (one, two)
    ]
    assert history[0] == pytest.approx(history[1], abs=1e-6)


def test_keras_still_clips_before_the_all_reduce(two_replicas):
    one = train(StockRegression, clipped_adam)
    two = train(StockRegression, clipped_adam, strategy=two_replicas)
    assert distance(one, two) > 1e-3


def test_accumulation_equals_the_whole_batch():
    whole = train(Regression, clipped_adam)
    parts = train(Regression, clipped_adam, gradient_accumulation_steps=3)
    assert distance(whole, parts) < 1e-6


def accumulating_adam():
    return keras.optimizers.Adam(0.01, gradient_accumulation_steps=2)


def test_keras_still_fails_to_accumulate_under_a_strategy(two_replicas):
    with pytest.raises(RuntimeError, match="merge_call"):
        train(StockRegression, accumulating_adam, strategy=two_replicas)


def test_names_the_way_to_accumulate_under_a_strategy(two_replicas):
    with pytest.raises(ValueError, match=r"compile\(optimizer, gradient_accu"):
        train(Regression, accumulating_adam, strategy=two_replicas)


def test_names_an_optimizer_made_outside_the_strategy(two_replicas):
    with two_replicas.scope():
        model = Regression()
    with pytest.raises(ValueError, match="outside the scope of the model's"):
        model.compile(adam())


def test_keras_still_fails_at_several_steps_per_execution(two_replicas):
    with pytest.raises(tf.errors.InvalidArgumentError, match="placeholder"):
        train(
            StockRegression,
            adam,
            strategy=two_replicas,
            steps_per_execution=4,
        )


@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_unknown_length_makes_as_many_updates(steps_per_execution):
    known, unknown = (
        train(
            Regression,
            adam,
            data=batches(known_length=known_length),
            epochs=3,
            steps_per_execution=steps_per_execution,
        )
        for known_length in (True, False)
    )
    assert int(known.optimizer.iterations) == 15
    assert int(unknown.optimizer.iterations) == 15
    assert distance(known, unknown) < 1e-6


def test_keras_still_counts_an_update_without_data():
    model = train(
        StockRegression, adam, data=batches(known_length=False), epochs=1
    )
    assert int(model.optimizer.iterations) > 5


class Masks(keras.layers.Layer):
    """Keeps the dropout masks that each replica drew."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5, seed=3)

    def masks(self, strategy):
        drawn = strategy.run(
            lambda: self.dropout(tf.ones((64,)), training=True)
        )
        return [m.numpy() for m in strategy.experimental_local_results(drawn)]


def test_keras_still_repeats_noise_on_every_replica(two_replicas):
    with two_replicas.scope():
        layer = Masks()
    first, second = layer.masks(two_replicas)
    np.testing.assert_array_equal(first, second)


class Stack(Trainer):
    """A model with layers in a list."""

    takes_targets = False

    def __init__(self, mended=True):
        super().__init__()
        self.layers_ = [keras.layers.Dense(2) for _ in range(2)]
        for layer in self.layers_:
            layer.build((None, 2))
        self.built = True
        self.mended = mended

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        if self.mended:
            return super()._trackable_children(save_type, **kwargs)
        return keras.Model._trackable_children(self, save_type, **kwargs)

    def call(self, x):
        for layer in self.layers_:
            x = layer(x)
        return x

    def example_losses(self, x, y, *, training):
        return tf.reduce_mean(tf.square(self(x)), axis=-1), {}


def read_from(model, other, tmp_path):
    path = tf.train.Checkpoint(model=other).write(str(tmp_path / "all"))
    tf.train.Checkpoint(model=model).read(path)


def test_keras_still_leaves_lists_out_of_checkpoints(tmp_path):
    one, other = Stack(mended=False), Stack(mended=False)
    read_from(other, one, tmp_path)
    for a, b in zip(one.layers_, other.layers_, strict=True):
        assert (a.kernel.numpy() != b.kernel.numpy()).any()


def test_a_checkpoint_holds_weights_and_optimizers(tmp_path):
    one, other = Stack(), Stack()
    read_from(other, one, tmp_path)
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    for model in (one, other):
        model.compile(keras.optimizers.Adam(0.1))
    one.fit(RNG.normal(size=(8, 2)).astype("float32"), verbose=0)
    read_from(other, one, tmp_path)
    assert len(one.training_state) > len(one.weights) + 2
    for a, b in zip(one.training_state, other.training_state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_noise_differs_between_replicas(two_replicas):
    with two_replicas.scope():
        layer = Masks()
        model = Regression(extra=layer.dropout)
        model.compile(adam())
    first, second = layer.masks(two_replicas)
    assert (first != second).any()


def test_noise_is_saved_with_the_weights(tmp_path):
    def dropout():
        return {"extra": keras.layers.Dropout(0.5, seed=3)}

    model = train(Regression, adam, make=dropout)
    model.save_weights(tmp_path / "model.weights.h5")
    other = train(Regression, adam, make=dropout, epochs=0)
    other.load_weights(tmp_path / "model.weights.h5")
    for each in (model, other):
        each.fit(batches(), verbose=0)
    np.testing.assert_array_equal(weights(model), weights(other))


def test_batch_statistics_are_of_the_global_batch(two_replicas):
    def normalization():
        return {"extra": keras.layers.BatchNormalization()}

    one = train(Regression, adam, make=normalization, data=batches(64))
    two = train(
        Regression,
        adam,
        make=normalization,
        data=batches(64),
        strategy=two_replicas,
    )
    assert distance(one, two) < 1e-5
    for a, b in zip(
        one.non_trainable_weights, two.non_trainable_weights, strict=True
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)


def test_jit_compiled_replicas_equal_one_process(two_replicas):
    one = train(Regression, adam, jit_compile=False)
    two = train(Regression, adam, jit_compile=True, strategy=two_replicas)
    assert distance(one, two) < 1e-6


class Duel(Trainer):
    """Two players with an optimizer each: what a GAN needs of the trainer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.layers.Dense(2)
        self.discriminator = keras.layers.Dense(1)
        self.d_loss = keras.metrics.Mean(name="d_loss")
        self.g_loss = keras.metrics.Mean(name="g_loss")
        self.generator.build((None, 2))
        self.discriminator.build((None, 2))
        self.built = True

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(
            discriminator_optimizer
        )
        super().compile(optimizer=None, **kwargs)

    @property
    def optimizer_groups(self):
        return {
            name: (
                getattr(self, f"{name}_optimizer"),
                getattr(self, name).trainable_variables,
            )
            for name in ("generator", "discriminator")
        }

    def call(self, x):
        return self.generator(x)

    def train_step(self, data):
        def d_loss(x):
            real, fake = self.discriminator(x), self.discriminator(self(x))
            return tf.nn.softplus(-real)[:, 0] + tf.nn.softplus(fake)[:, 0], {}

        def g_loss(x):
            return tf.nn.softplus(-self.discriminator(self(x)))[:, 0], {}

        d_losses, _ = self.minimize(d_loss, data, "discriminator")
        g_losses, _ = self.minimize(g_loss, data, "generator")
        return self.track(
            d_losses + g_losses, {"d_loss": d_losses, "g_loss": g_losses}
        )


def test_two_players_train_under_replicas_and_resume(two_replicas, tmp_path):
    data = tf.data.Dataset.from_tensor_slices(TARGETS[:, 0, :2]).batch(16)

    def duel(strategy=None):
        keras.utils.set_random_seed(2)
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = Duel()
            model.compile(adam(), keras.optimizers.SGD(0.1, momentum=0.5))
        return model

    one, two = duel(), duel(two_replicas)
    for model in (one, two):
        history = model.fit(data, epochs=2, verbose=0).history
        assert set(history) == {"loss", "d_loss", "g_loss"}
    assert distance(one, two) < 1e-6
    checkpoint = tf.train.Checkpoint(variables=one.training_state)
    path = checkpoint.write(str(tmp_path / "state"))
    three = duel()
    tf.train.Checkpoint(variables=three.training_state).read(path)
    for model in (one, three):
        model.fit(data, epochs=1, verbose=0)
    assert distance(one, three) == 0.0


def test_names_a_data_set_without_batches():
    with pytest.raises(ValueError, match="held no batch"):
        train(Regression, adam, data=batches(num_examples=0))


def test_traces_once_in_steady_state():
    traces = []

    class Counting(Regression):
        def example_losses(self, x, y, *, training):
            traces.append(x.shape)
            return super().example_losses(x, y, training=training)

    train(Counting, adam, data=batches(64), epochs=3)
    assert len(traces) == 1


def _adversarial_update():
    model = ProgressiveGAN((4, 4, 1), 4, base_filters=16, max_filters=4, seed=0)
    model.compile(
        generator_optimizer=adam(),
        discriminator_optimizer=adam(),
        jit_compile=False,
    )
    with context.collect_graphs(optimized=True) as graphs:
        model.fit(np.ones((8, 4, 4, 1), "float32"), verbose=0)
    return [pair for graph in graphs for pair in unordered(graph)]


def test_weights_are_read_before_they_are_written():
    assert not _adversarial_update()


def test_tensorflow_still_reads_weights_after_they_are_written(monkeypatch):
    monkeypatch.setattr(
        keras_patches, "variables_in_order", contextlib.nullcontext
    )
    assert _adversarial_update()
