"""Training compiles the loops, serving does not: both on purpose."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from keras_genseq.export import Signature
from keras_genseq.export import write_saved_model
from keras_genseq.models import Trainer
from tests.layers.recurrent.comparison import FEATURES
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import make
from training.query import ServingSession

TOKENS = np.random.default_rng(0).integers(0, 5, (8, 7)).astype("int32")


class Tagger(Trainer):
    """Each recurrent layer in turn, on tokens and on features."""

    def __init__(self, jit_compile="auto", dropout=0.0, num_layers=4):
        super().__init__()
        options = {"dropout": dropout, "jit_compile": jit_compile}
        self.embedding = keras.layers.Embedding(5, 4)
        self.tokens = layers.LSTM(4, return_sequences=True, **options)
        self.recurrent = [
            keras.layers.Bidirectional(
                layers.GRU(3, return_sequences=True, **options)
            ),
            layers.GRU(3, return_sequences=True, reset_after=False, **options),
            layers.SimpleRNN(5, **options),
        ][4 - num_layers :]
        self.embedding.build()
        self(TOKENS)

    def call(self, token_ids, training=False):
        x = self.tokens.call_tokens(
            token_ids, self.embedding.embeddings, training=training
        )
        for layer in self.recurrent:
            x = layer(x, training=training)
        return x

    def example_losses(self, x, y, *, training):
        return tf.reduce_mean((self(x, training=training) - y) ** 2, -1), {}

    def serving_signatures(self):
        return {
            "encode": Signature(
                lambda token_ids: {"z": self(token_ids)},
                {"token_ids": tf.TensorSpec((None, None), "int32")},
                {"token_ids": TOKENS[:1]},
            )
        }


def targets():
    return np.random.default_rng(1).normal(size=(8, 5)).astype("float32")


def test_exported_model_answers_as_in_python(tmp_path):
    model = Tagger(dropout=0.2)
    model.compile("sgd")
    # A training graph with compiled loops comes first, and leaves no trace.
    model.fit(TOKENS, targets(), epochs=1, verbose=0)
    write_saved_model(model, tmp_path / "tagger")
    session = ServingSession(str(tmp_path / "tagger"))
    for request in (TOKENS[:1], TOKENS, TOKENS[:3, :2]):
        answer = session.run("encode", token_ids=request)
        np.testing.assert_allclose(answer["z"], model(request), atol=1e-5)


def test_export_refuses_loops_that_are_always_compiled(tmp_path):
    with pytest.raises(ValueError, match="region compiled by XLA"):
        write_saved_model(Tagger(jit_compile=True), tmp_path / "tagger")


def test_export_of_keras(tmp_path):
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), make("lstm"), keras.layers.Dense(2)]
    )
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model")
    np.testing.assert_allclose(served.serve(INPUTS), model(INPUTS), atol=1e-6)


@pytest.mark.parametrize(
    "training, static, compiled",
    [(True, True, True), (False, True, False), (True, False, False)],
)
def test_auto_compiles_training_steps_of_static_length(
    training, static, compiled
):
    layer = make("lstm")
    length = INPUTS.shape[1] if static else None
    spec = tf.TensorSpec((None, length, FEATURES))
    graph = tf.function(lambda x: layer(x, training=training))
    graph = graph.get_concrete_function(spec).graph.as_graph_def()
    marks = [
        f.attr["_XlaMustCompile"].b
        for f in graph.library.function
        if "_XlaMustCompile" in f.attr
    ]
    assert any(marks) == compiled


@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_falls_on_one_batch(jit_compile):
    model = Tagger(num_layers=2)
    model.compile(keras.optimizers.Adam(0.03), jit_compile=jit_compile)
    data = tf.data.Dataset.from_tensors((TOKENS, targets())).repeat(40)
    losses = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert losses[1] < 0.6 * losses[0]


def test_two_replicas_equal_one(two_replicas):
    def trained(scope):
        keras.utils.set_random_seed(0)
        with scope:
            model = Tagger(num_layers=2)
            model.compile(keras.optimizers.SGD(0.1))
        data = tf.data.Dataset.from_tensor_slices((TOKENS, targets()))
        model.fit(data.batch(8), epochs=3, verbose=0)
        return model.get_weights()

    alone = trained(tf.name_scope("alone"))
    for a, b in zip(trained(two_replicas.scope()), alone, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_replicas_and_resumed_runs_know_the_noise():
    model = Tagger(dropout=0.5)
    generators = model._seed_generators_below()
    assert len(generators) == 5
    states = {g.state.path for g in generators}
    assert len(model._named_seed_states()) == len(states) == 5
