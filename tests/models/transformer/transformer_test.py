import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import Transformer
from keras_genseq.models import TransformerSchedule
from keras_genseq.models.text.beam_search import beam_search
from keras_genseq.tokenizers import CharacterTokenizer

X = np.array([[1, 2, 3, 4], [2, 2, 0, 0], [3, 1, 4, 0]], "int32")
Y = np.array([[4, 3, 2, 1, 1], [1, 2, 3, 0, 0], [2, 2, 2, 4, 0]], "int32")


def make(vocabulary_size=6, **options):
    options = {
        "num_layers": 2,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        **options,
    }
    model = Transformer(vocabulary_size, **options)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return make()


def test_targets_see_the_source_and_only_earlier_targets(model):
    before = model(X, Y).numpy()
    changed = Y.copy()
    changed[:, 2] = Y[:, 2] % 4 + 1
    after = model(X, changed).numpy()
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(axis=(0, 2)).all()
    other = X.copy()
    other[:, 1] = X[:, 1] % 4 + 1
    assert (model(other, Y).numpy() != before).any(axis=2).all()


def test_padding_of_sources_and_targets_does_not_matter(model):
    wide = np.pad(X, ((0, 0), (0, 3))), np.pad(Y, ((0, 0), (0, 2)))
    np.testing.assert_allclose(
        model(*wide)[:, :5], model(X, Y), rtol=1e-5, atol=1e-4
    )
    np.testing.assert_allclose(model.score(*wide), model.score(X, Y), rtol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True], ids=["post", "pre"])
@pytest.mark.parametrize("beams", [1, 3])
def test_single_steps_equal_the_whole(norm_first, beams):
    model = make(norm_first=norm_first, positions="learned")
    memory, whole = model.encode_source(X), model(X, Y)
    states = model.initial_cache(3 * beams, 5)
    token = np.zeros((3 * beams,), "int32")
    for t in range(5):
        logits, states = model.decode_step(token, states, memory)
        np.testing.assert_allclose(
            np.repeat(whole[:, t], beams, 0)[:, 1:],
            logits[:, 1:],
            rtol=1e-4,
            atol=1e-4,
        )
        token = np.repeat(Y[:, t], beams)


def test_attention_maps_are_weights_of_the_source_alone(model):
    maps = model.attention_maps(X, Y).numpy()
    assert maps.shape == (2, 3, 2, 6, 4)
    np.testing.assert_allclose(maps.sum(axis=-1), 1.0, rtol=1e-5)
    assert not maps[:, 1, :, :, 2:].any() and maps[:, 1, :, :, :2].all()
    changed = Y.copy()
    changed[:, 2] = Y[:, 2] % 4 + 1
    after = model.attention_maps(X, changed).numpy()
    np.testing.assert_allclose(after[:, :, :, :3], maps[:, :, :, :3], atol=1e-6)
    assert np.abs(after - maps)[..., 3:, :].max() > 1e-3


def test_a_wide_beam_finds_what_an_exhaustive_search_finds():
    model = make(vocabulary_size=4)
    x = np.array([[1, 2]], "int32")
    tokens, scores = model.translate(
        x, 3, beam_width=15, length_penalty=0.6, n_best=True
    )
    # Seven of the 15 answers: at most two tokens and an end.
    answers = [
        answer
        for length in range(3)
        for answer in itertools.product([1, 2], repeat=length)
    ]
    y = np.array([[*a, *[0] * (3 - len(a))] for a in answers], "int32")
    log_prob = model.score(np.repeat(x, len(y), 0), y).numpy()
    penalty = ((5.0 + (y > 0).sum(1) + 1) / 6.0) ** 0.6
    tokens, scores = tokens.numpy()[0], scores.numpy()[0]
    found = {tuple(t[:3]): s for t, s in zip(tokens, scores, strict=True)}
    for answer, score in zip(y, log_prob / penalty, strict=True):
        assert found[tuple(answer)] == pytest.approx(float(score), rel=1e-3)
    assert sorted(scores, reverse=True) == scores.tolist()


def test_a_beam_wider_than_the_answers_has_those_alone():
    model = make(vocabulary_size=4, tokenizer=CharacterTokenizer("ab"))
    tokens, scores = model.translate(
        np.array([[1, 2]], "int32"), 3, beam_width=20, n_best=True
    )
    # 1 + 2 + 4 that end, and 8 of three tokens.
    exists = scores.numpy()[0] > -np.inf
    assert exists.tolist() == [True] * 15 + [False] * 5
    assert not tokens.numpy()[0, 15:].any()
    texts, again = model.translate("ab", 3, beam_width=20, n_best=True)
    assert len(texts) == len(set(texts)) == 15 and texts.count("") == 1
    np.testing.assert_array_equal(again, scores)


@pytest.mark.parametrize("method", ["translate", "generate"])
def test_the_default_length_fits_the_model(method):
    model = make(
        vocabulary_size=4,
        tokenizer=CharacterTokenizer("ab"),
        max_sequence_length=7,
    )
    answers = getattr(model, method)(["ab", "b"])
    assert max(map(len, answers)) <= 7
    served = model.serving_signatures()["translate"].notes["max_new_tokens"]
    assert served["default"] == served["maximum"] == 7


def test_beams_from_caches_are_those_of_whole_passes(model):
    width, steps = 3, 6
    x = np.repeat(X, width, 0)

    def next_logits(last, states):
        t, y = states
        y = tf.where(tf.range(steps) == t - 1, last[:, None], y)
        return model(x, y)[:, t], [t + 1, y]

    tokens, scores = beam_search(
        next_logits,
        [tf.constant(0), tf.zeros((3 * width, steps), tf.int32)],
        beam_width=width,
        num_steps=steps,
        max_new_tokens=tf.fill([3], steps),
        length_penalty=tf.fill([3], 0.6),
        end_id=model.end_id,
    )
    found, found_scores = model.translate(
        X, steps, beam_width=width, length_penalty=0.6, n_best=True
    )
    tokens = np.where(tokens == model.end_id, 0, tokens)
    np.testing.assert_array_equal(found[..., :steps], tokens)
    np.testing.assert_allclose(found_scores, scores, rtol=1e-4)
    # Beams of several beginnings live on: their caches had to change places.
    assert len(set(tokens[0, :, 0].tolist())) > 1


def test_a_beam_of_one_is_greedy(model):
    greedy = model.translate(X, 8, beam_width=1).numpy()
    drawn = model.generate(X, 8, temperature=0.0, seed=0).numpy()
    np.testing.assert_array_equal(greedy, drawn)


def test_texts_are_translated_alike_alone_and_in_a_batch():
    model = make(vocabulary_size=6, tokenizer=CharacterTokenizer("abcd"))
    texts, sizes = ["abcd", "", "dd"], [8, 3, 5]
    together = model.translate(texts, sizes)
    assert model.translate("abcd", 8) == together[0]
    drawn = model.generate(texts, sizes, seed=[1, 2, 3], temperature=1.5)
    alone = model.generate("abcd", 8, seed=[1], temperature=1.5)
    assert alone == drawn[0]


def test_scores_are_nats_of_the_targets_and_their_end(model):
    log_p = tf.nn.log_softmax(model(X, model.with_end(Y))).numpy()
    scores = model.score(X, Y).numpy()
    end = [5, 3, 4]
    for i, length in enumerate(end):
        tokens = [*Y[i, :length], 5]
        expected = sum(log_p[i, t, token] for t, token in enumerate(tokens))
        np.testing.assert_allclose(scores[i], expected, rtol=1e-4)


def test_a_smoothed_loss_is_least_at_the_smoothed_target():
    model = make(label_smoothing=0.3)
    logits = np.random.default_rng(0).normal(size=(1, 2, 6)).astype("float32")
    logits[..., 0] = -1e9
    y = np.array([[2]], "int32")
    object.__setattr__(model, "call", lambda *_, **__: tf.constant(logits))
    losses, terms = model.example_losses(X[:1], y, training=True)
    target = np.full((2, 5), 0.3 / 5)
    target[0, 1] += 0.7
    target[1, 4] += 0.7
    log_p = tf.nn.log_softmax(logits[0, :, 1:]).numpy()
    expected = -(target * log_p).sum() / 2
    np.testing.assert_allclose(losses[0], expected, rtol=1e-5)
    nll = -log_p[0, 1] - log_p[1, 4]
    np.testing.assert_allclose(terms["nll"][0], nll, rtol=1e-5)


def test_it_learns_to_turn_texts_around():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.integers(1, 5, (512, 4)).astype("int32")
    model = Transformer(
        6,
        num_layers=1,
        hidden_dim=32,
        num_heads=2,
        intermediate_dim=64,
        dropout=0.0,
    )
    schedule = TransformerSchedule(32, warmup_steps=60, scale=0.5)
    model.compile(keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9))
    model.fit(x, x[:, ::-1], batch_size=32, epochs=15, verbose=0)
    answers = model.translate(x[:64], 6, beam_width=2).numpy()
    assert (answers[:, :4] == x[:64, ::-1]).all(axis=1).mean() > 0.95


def test_the_papers_learning_rates():
    for width, peak in ((512, 6.99e-4), (1024, 4.94e-4)):
        schedule = TransformerSchedule(width)
        rates = [float(schedule(step)) for step in (0, 3998, 3999, 4000, 16000)]
        assert rates[2] == max(rates) == pytest.approx(peak, rel=1e-3)
        assert rates[2] == pytest.approx((width * 4000) ** -0.5, rel=1e-6)
        assert rates[0] == pytest.approx(rates[2] / 4000, rel=1e-5)
    again = TransformerSchedule.from_config(schedule.get_config())
    assert again(7) == schedule(7)


def test_errors(model):
    with pytest.raises(ValueError, match="`vocabulary_size` must be 6"):
        make(vocabulary_size=5, tokenizer=CharacterTokenizer("abcd"))
    with pytest.raises(ValueError, match="has no tokenizer"):
        model.translate("ab")
    with pytest.raises(ValueError, match="`beam_width` must be positive"):
        model.translate(X, 4, beam_width=0)
    with pytest.raises(ValueError, match="a token after a 0"):
        model.translate(np.array([[1, 0, 2]], "int32"))
    with pytest.raises(ValueError, match="`positions` must be one of"):
        make(positions="rotary")
    with pytest.raises(ValueError, match="at most 512"):
        model.translate(X, 513)
