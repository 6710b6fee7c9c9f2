import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import TransformerLanguageModel
from keras_genseq.ops.random import row_uniform
from keras_genseq.samplers import SamplingOptions
from keras_genseq.samplers import draw_tokens
from keras_genseq.samplers.repetition import discourage
from keras_genseq.samplers.repetition import empty_history
from keras_genseq.samplers.repetition import remember
from keras_genseq.tokenizers import CharacterTokenizer

POSITIONS = pytest.mark.parametrize(
    "positions", ["sinusoidal", "learned", "rotary"]
)
OPTIONS = {"num_layers": 2, "hidden_dim": 8, "num_heads": 2}


def make(**options):
    options = {"max_sequence_length": 32, **OPTIONS, **options}
    size = options.pop("vocabulary_size", 7)
    model = TransformerLanguageModel(size, **options)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def ids(rows=3, steps=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 7, (rows, steps)).astype("int32")


@pytest.fixture(scope="module")
def small():
    return make()


@POSITIONS
def test_sees_only_earlier_tokens(positions):
    model = make(positions=positions)
    x = ids()
    changed = x.copy()
    changed[:, 9] = x[:, 9] % 6 + 1
    before, after = model(x).numpy(), model(changed).numpy()
    np.testing.assert_array_equal(before[:, :10], after[:, :10])
    assert (before[:, 10:] != after[:, 10:]).any(axis=(0, 2)).all()


@POSITIONS
def test_texts_take_all_positions_there_are(positions):
    """Batches are rounded up to sizes that may go beyond the last position."""
    model, x = make(positions=positions, max_sequence_length=9), ids(steps=9)
    log_probs = tf.nn.log_softmax(model(x))
    expected = tf.reduce_sum(tf.gather(log_probs, x, batch_dims=2), 1)
    np.testing.assert_allclose(model.log_prob(x), expected, rtol=1e-5)
    answers = model.generate(x[:, :7], max_new_tokens=2, temperature=0)
    expected = np.argmax(model(np.pad(x[:, :7], [(0, 0), (0, 1)]))[:, 7], -1)
    np.testing.assert_array_equal(answers[:, 0], expected)


def test_no_gradient_comes_from_later_tokens():
    model = make()
    embedded = tf.constant(np.random.default_rng(0).normal(size=(1, 6, 8)))
    embedded = tf.cast(embedded, tf.float32)
    for t in range(6):
        with tf.GradientTape() as tape:
            tape.watch(embedded)
            x = embedded
            for block in model.blocks:
                x = block(x, use_causal_mask=True)
            loss = tf.reduce_sum(tf.sin(model._logits(x)[:, t, 1:]))
        gradient = np.abs(tape.gradient(loss, embedded)).max(axis=(0, 2))
        assert not gradient[t + 1 :].any() and gradient[: t + 1].all()


def every_pair_of_options():
    """Positions, window and norm: each pair of values; all three are slow."""
    kinds = ("sinusoidal", "learned", "rotary")
    for i, (positions, window, norm_first) in enumerate(
        itertools.product(kinds, (None, 4), (True, False))
    ):
        is_of_a_pair = (i // 4 + (window is None) + norm_first) % 2
        marks = [] if is_of_a_pair else [pytest.mark.slow]
        yield pytest.param(positions, window, norm_first, marks=marks)


@pytest.mark.parametrize(
    "positions, window, norm_first", every_pair_of_options()
)
def test_single_steps_equal_the_whole(positions, window, norm_first):
    model = make(
        positions=positions,
        attention_window=window,
        norm_first=norm_first,
        num_key_value_heads=1,
        # A normalization of nearly equal numbers magnifies what is rounded.
        dtype="float64",
    )
    x = ids()
    whole, states = model(x), model.initial_cache(3, 20)
    token = np.zeros((3,), "int32")
    for t in range(x.shape[1]):
        logits, states = model.decode_step(token, states)
        np.testing.assert_allclose(
            whole[:, t, 1:], logits[:, 1:], rtol=1e-5, atol=2e-5
        )
        token = x[:, t]


@POSITIONS
@pytest.mark.parametrize("window", [None, 4])
def test_a_beginning_read_at_once_is_known_as_step_by_step(positions, window):
    model = make(
        positions=positions, attention_window=window, num_key_value_heads=1
    )
    x = ids()
    states = model.initial_cache(3, 24)
    token = np.zeros((3,), "int32")
    for t in range(7):
        _, states = model.decode_step(token, states)
        token = x[:, t]
    # What stands behind the beginning must not matter.
    position, caches = model.prefill(x[:, :12], 7, 24)
    assert position == states[0] == 7
    for ours, steps in zip(caches, states[1], strict=True):
        for a, b in zip(ours, steps, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(
                a[:, :, :7], b[:, :, :7], rtol=1e-5, atol=2e-5
            )
    for t in range(7, 20):
        one, states = model.decode_step(x[:, t - 1], states)
        other, (position, caches) = model.decode_step(
            x[:, t - 1], [position, caches]
        )
        np.testing.assert_allclose(
            one[:, 1:], other[:, 1:], rtol=1e-5, atol=2e-5
        )


def test_prompts_are_answered_alike_alone_and_in_a_batch():
    model = make(vocabulary_size=10, tokenizer=CharacterTokenizer("abcdefg h"))
    prompts, sizes = ["ab", "", "hhh a"], [9, 12, 4]
    together = model.generate(prompts, sizes, seed=[1, 2, 3], top_k=[0, 5, 3])
    for i, top_k in enumerate((0, 5, 3)):
        alone = model.generate(prompts[i], sizes[i], seed=[i + 1], top_k=top_k)
        assert alone == together[i] and len(alone) == sizes[i]
    stream = model.stream("ab", 9, seed=[1])
    assert "".join(stream) == together[0]


KNOBS = {
    "greedy": {"temperature": 0.0},
    "temperature": {"temperature": 1.7},
    "top_k": {"top_k": 3},
    "top_p": {"top_p": 0.8, "temperature": 2.0},
    "min_p": {"min_p": 0.1, "temperature": 2.0},
    "repetition": {"repetition_penalty": 1.5, "temperature": 2.0},
    "ngrams": {"no_repeat_ngram_size": 2, "temperature": 0.5},
}


def test_cached_answers_are_those_of_whole_passes_for_every_sampler(small):
    """One compiled call draws a row for each sampler."""
    model, steps = small, 12
    defaults = {
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "no_repeat_ngram_size": 0,
    }
    rows = [{**defaults, **knobs} for knobs in KNOBS.values()]
    options = {name: [row[name] for row in rows] for name in defaults}
    prompt, seeds = np.repeat(ids(1, 4), len(rows), 0), range(len(rows))
    answers = model.generate(prompt, steps, seed=list(seeds), **options)
    uniforms = row_uniform(list(seeds), 4 + steps)
    options = SamplingOptions(*map(tf.constant, options.values()))
    x, history = prompt, empty_history(len(rows), 4 + steps)
    for t in range(4 + steps):
        if t >= 4:
            logits = model(np.pad(x, ((0, 0), (0, 1))))[:, -1]
            logits = discourage(logits, history, tf.constant(t), options)
            drawn = draw_tokens(logits, uniforms[:, t], options)
            x = np.concatenate([x, drawn.numpy()[:, None]], axis=1)
        token = tf.constant(x[:, t], tf.int32)
        history = remember(history, tf.constant(t), token)
    np.testing.assert_array_equal(answers, x[:, 4:])
    assert len({tuple(row) for row in answers.numpy()}) == len(rows)


def test_a_hundred_requests_of_any_length_share_three_programs():
    model = make()
    rng = np.random.default_rng(0)
    traces = []
    decode_step = model.decode_step

    def counted(*args):
        traces.append(1)
        return decode_step(*args)

    object.__setattr__(model, "decode_step", counted)
    # Prompts up to 16 and 32 tokens, rows up to 24 and 32.
    for length, size in ((1, 17), (16, 16), (17, 1)):
        model.generate(ids(1, length), size)
    before = len(traces)
    for seed in range(100):
        length = int(rng.integers(1, 20))
        size = int(rng.integers(max(17, length + 1), 33)) - length
        answer = model.generate(
            ids(1, length), size, temperature=0.1 * seed, seed=seed
        )
        assert answer.shape == (1, size)
    assert before == 3 and len(traces) == before


def test_windows_score_a_text_as_a_whole_where_attention_is_as_narrow():
    # Two blocks that look 4 steps back: nothing is further than 6 away.
    model = make(positions="rotary", attention_window=4)
    x = ids(2, 30)
    x[1, 23:] = 0
    scores = model.stream_log_prob(x, window=16)
    np.testing.assert_allclose(scores, model.log_prob(x), rtol=1e-4)


def test_encodings_are_the_output_after_the_last_token():
    model = make()
    x = ids(2, 6)
    x[1, 4:] = 0
    z = model.encode(x)
    np.testing.assert_allclose(z[1], model.encode(x[1:, :4])[0], atol=1e-5)
    assert np.abs(z[0] - z[1]).max() > 0.1


def test_numbers_of_parameters():
    d, inner = 8, 32
    block = 4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d
    assert make().count_params() == 7 * d + 2 * block + 2 * d
    assert make(norm_first=False).count_params() == 7 * d + 2 * block
    assert make(positions="learned").count_params() == (
        7 * d + 32 * d + 2 * block + 2 * d
    )


def test_blockwise_attention_gives_the_same():
    plain, blocks = make(), make(blockwise=True)
    np.testing.assert_allclose(plain(ids()), blocks(ids()), atol=1e-4)


def test_errors():
    model = make()
    with pytest.raises(ValueError, match="`positions` must be one of"):
        make(positions="alibi")
    with pytest.raises(ValueError, match="This model has 32 positions"):
        model.generate(ids(1, 30), 3)
    with pytest.raises(ValueError, match="`length` must be at most"):
        model.sample(1, length=33)
    assert model.generate(ids(1, 30), 2).shape == (1, 2)
