import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel

CELLS = pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])


def ids(rows=3, steps=20, vocabulary_size=7, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, vocabulary_size, (rows, steps))
    return x.astype("int32")


@CELLS
def test_sees_only_earlier_tokens(cell):
    model = RecurrentLanguageModel(7, 4, cell=cell, num_layers=2)
    x = ids()
    changed = x.copy()
    changed[:, 9] = x[:, 9] % 6 + 1
    before, after = model(x).numpy(), model(changed).numpy()
    np.testing.assert_array_equal(before[:, :10], after[:, :10])
    assert (before[:, 10:] != after[:, 10:]).any(axis=(0, 2)).all()


@CELLS
def test_windows_with_a_carry_equal_the_whole(cell):
    model = RecurrentLanguageModel(7, 4, cell=cell, num_layers=2)
    x = ids()
    whole = model(x)
    carry = model.initial_carry(3)
    parts = []
    for start, end in ((0, 5), (5, 6), (6, 20)):
        logits, carry = model.window(x[:, start:end], carry)
        parts.append(logits)
    np.testing.assert_allclose(whole, np.concatenate(parts, 1), atol=1e-6)


@CELLS
def test_a_stream_scores_as_one_text(cell):
    model = RecurrentLanguageModel(7, 4, cell=cell)
    x = ids(2, 50)
    x[1, 30:] = 0
    scores = model.stream_log_prob(x, window=16)
    np.testing.assert_allclose(scores, model.log_prob(x), rtol=1e-6)


@CELLS
def test_single_steps_equal_the_whole(cell):
    model = RecurrentLanguageModel(7, 4, cell=cell, num_layers=2)
    x = ids()
    whole, states = model(x), model.initial_cache(3, 20)
    token = np.zeros((3,), "int32")
    for t in range(x.shape[1]):
        logits, states = model.decode_step(token, states)
        np.testing.assert_allclose(whole[:, t], logits, atol=1e-5)
        token = x[:, t]


def test_encodings_are_the_output_after_the_last_token():
    model = RecurrentLanguageModel(7, 4, num_layers=2)
    x = ids(2, 6)
    x[1, 4:] = 0
    z = model.encode(x)
    inputs = np.pad(x, ((0, 0), (1, 0)))
    outputs, _ = model.stack(model.embedding(inputs))
    np.testing.assert_allclose(z[0], outputs[0, 6], atol=1e-6)
    np.testing.assert_allclose(z[1], outputs[1, 4], atol=1e-6)


def test_numbers_of_parameters():
    # Embeddings 65 * 64, two LSTM layers, and the head.
    lstm = 4 * (256 * (64 + 256) + 256) + 4 * (256 * 512 + 256)
    model = RecurrentLanguageModel(65, 256, num_layers=2, embedding_dim=64)
    assert model.count_params() == 65 * 64 + lstm + 256 * 65 + 65
    tied = RecurrentLanguageModel(65, 32, tie_embeddings=True)
    untied = RecurrentLanguageModel(65, 32)
    assert untied.count_params() - tied.count_params() == 65 * 32
    assert tied.count_params() == 65 * 32 + 4 * (32 * 64 + 32) + 65


def test_tied_embeddings_score_by_likeness():
    model = RecurrentLanguageModel(7, 4, tie_embeddings=True)
    outputs, _ = model.stack(model.embedding(np.zeros((1, 1), "int32")))
    expected = model.embedding.embeddings @ outputs[0, 0][:, None]
    logits = model(np.array([[1]], "int32"))[0, 0]
    np.testing.assert_allclose(logits[1:], expected[1:, 0], atol=1e-6)


@pytest.mark.slow
def test_the_papers_cells_learn_a_rhythm():
    x = np.tile(np.array([[1, 2, 3, 1, 2, 4]], "int32"), (4, 5))
    for cell in ("lstm", "gru", "simple_rnn"):
        keras.utils.set_random_seed(0)
        model = RecurrentLanguageModel(5, 16, cell=cell)
        model.compile(keras.optimizers.Adam(0.02))
        model.fit(x, epochs=60, verbose=0)
        assert (
            model.evaluate(x, verbose=0, return_dict=True)["perplexity"] < 1.2
        )
        prompt = x[:1, :4]
        (answer,) = model.generate(prompt, 8, temperature=0.0).numpy()
        np.testing.assert_array_equal(answer, x[0, 4:12])


def test_tied_embeddings_have_one_width():
    with pytest.raises(ValueError, match="leave `embedding_dim` out"):
        RecurrentLanguageModel(7, 4, embedding_dim=3, tie_embeddings=True)


def test_embedding_dropout_is_for_training_alone():
    model = RecurrentLanguageModel(7, 4, embedding_dropout=0.5)
    x = ids()
    np.testing.assert_array_equal(model(x), model(x))
    trained = tf.concat([model(x, training=True) for _ in range(2)], 0)
    assert (trained[:3] != trained[3:]).numpy().any()


@pytest.mark.xla
@pytest.mark.parametrize("supports_jit", [True, False], ids=["xla", "cudnn"])
def test_scores_are_compiled_where_every_layer_can_be(supports_jit):
    model = RecurrentLanguageModel(7, 4)
    model.stack.recurrent_layers[0].supports_jit = supports_jit
    function = model.compile_method(model._score)
    graph = function.get_concrete_function(tf.constant(ids())).function_def
    assert graph.attr["_XlaMustCompile"].b == supports_jit
    assert model.log_prob(ids()).shape == (3,)
