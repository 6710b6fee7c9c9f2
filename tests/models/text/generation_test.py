import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models.text.token_padding import room_for
from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform
from keras_genseq.samplers import SamplingOptions
from keras_genseq.samplers import draw_tokens
from keras_genseq.tokenizers import ByteTokenizer
from keras_genseq.tokenizers import CharacterTokenizer

PROMPTS = ["ab", "", "hhhé a"]


@pytest.fixture(scope="module")
def model():
    return make(CharacterTokenizer("abcdefgh é"))


def make(tokenizer, **kwargs):
    """A model of strong opinions, so that different inputs show."""
    size = tokenizer.vocabulary_size
    model = RecurrentLanguageModel(size, 8, tokenizer=tokenizer, **kwargs)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def recomputed(model, prompt, max_new_tokens, seed, knobs):
    """Generation without a cache: every token from the whole text again."""
    ids = [i for i in model.tokenizer.encode([prompt]).numpy()[0] if i]
    length = len(ids)
    uniforms = row_uniform([seed], length + max_new_tokens)[0]
    knobs = SamplingOptions(*(tf.constant([k]) for k in knobs))
    for t in range(length, length + max_new_tokens):
        logits = model(np.array([[*ids, 1]], "int32"))[:, -1]
        ids.append(int(draw_tokens(logits, uniforms[t : t + 1], knobs)[0]))
    return model.tokenizer.decode([ids[length:]]).numpy()[0].decode()


@pytest.mark.parametrize(
    "knobs",
    [(1.0, 0, 1.0, 0.0), (0.0, 0, 1.0, 0.0), (1.5, 4, 0.9, 0.05)],
    ids=["plain", "greedy", "filters"],
)
@pytest.mark.parametrize("prompt", PROMPTS, ids=["text", "empty", "longer"])
def test_cached_states_give_what_a_full_pass_gives(model, prompt, knobs):
    names = ("temperature", "top_k", "top_p", "min_p")
    text = model.generate(
        prompt, 12, seed=[5], **dict(zip(names, knobs, strict=True))
    )
    assert text == recomputed(model, prompt, 12, 5, knobs)


def test_a_prompt_is_answered_alike_alone_and_in_a_batch(model):
    together = model.generate(PROMPTS, [9, 12, 4], seed=3, top_k=[0, 5, 1])
    seeds = row_seeds(3, 3).numpy()
    for i, (size, top_k) in enumerate(((9, 0), (12, 5), (4, 1))):
        alone = model.generate(PROMPTS[i], size, seed=[seeds[i]], top_k=top_k)
        assert alone == together[i] and len(alone) == size
    assert len({t[:4] for t in together}) == 3


def test_penalties_are_each_rows_own(model):
    options = {"seed": [3, 3], "temperature": 0.3}
    free, penalized = model.generate(
        ["ab", "ab"], 30, no_repeat_ngram_size=[0, 2], **options
    )
    assert free == model.generate("ab", 30, seed=[3], temperature=0.3)
    for text, unique in ((free, False), (penalized, True)):
        pairs = [("ab" + text)[i : i + 2] for i in range(31)]
        assert (len(set(pairs)) == len(pairs)) == unique
    with pytest.raises(ValueError, match="`repetition_penalty` must be at"):
        model.generate("ab", 3, repetition_penalty=0.0)


def test_a_longer_answer_begins_like_a_shorter_one(model):
    long = model.generate(PROMPTS, 30, seed=1)
    short = model.generate(PROMPTS, 7, seed=1)
    assert [t[:7] for t in long] == short
    assert long != model.generate(PROMPTS, 30, seed=2)


def test_a_stream_is_the_whole_piece_by_piece(model):
    knobs = {"temperature": 0.9, "top_p": 0.95, "seed": 4}
    pieces = list(model.stream("ab", 12, **knobs))
    assert len(pieces) == 12
    assert "".join(pieces) == model.generate("ab", 12, **knobs)


def test_a_stream_of_bytes_waits_for_whole_characters():
    model = make(ByteTokenizer())
    model.head.bias.assign(np.where(np.arange(257) > 128, 3.0, 0.0))
    for seed in range(4):
        pieces = list(model.stream("é", 40, seed=seed))
        assert "".join(pieces) == model.generate("é", 40, seed=seed)


def test_generation_ends_after_the_stop_token(model):
    endless = model.generate(PROMPTS, 40, seed=2)
    stop = endless[0][5]
    (stop_id,) = model.tokenizer.encode([stop]).numpy()[0]
    stopped = model.generate(PROMPTS, 40, seed=2, stop_token_id=stop_id)
    for whole, part in zip(endless, stopped, strict=True):
        assert part == whole[: whole.find(stop) % len(whole) + 1]
    pieces = model.stream(
        PROMPTS[0], 40, seed=row_seeds(2, 3).numpy()[:1], stop_token_id=stop_id
    )
    assert "".join(pieces) == stopped[0]


def test_any_of_several_stop_tokens_ends_an_answer(model):
    endless = model.generate(PROMPTS, 40, seed=2)
    stops = [model.tokenizer.encode([c]).numpy()[0, 0] for c in "ae "]
    everywhere = model.generate(PROMPTS, 40, seed=2, stop_token_id=[stops])
    for whole, part in zip(endless, everywhere, strict=True):
        found = [i for i, c in enumerate(whole) if c in "ae "]
        assert part == whole[: min(found, default=39) + 1]
    rows = [[stops[0], 0, 0], [0, 0, 0], stops]
    each = model.generate(PROMPTS, 40, seed=2, stop_token_id=rows)
    assert each[1:] == [endless[1], everywhere[2]]
    assert each[0] == endless[0][: endless[0].find("a") % 40 + 1]


def test_padding_before_a_prompt_changes_nothing(model):
    ids = model.tokenizer.encode(PROMPTS).numpy()
    left = np.array([np.roll(row, (row == 0).sum()) for row in ids])
    assert (left != ids).any()
    np.testing.assert_array_equal(
        model.generate(left, 6, seed=9), model.generate(ids, 6, seed=9)
    )


def test_a_stop_token_of_the_model_is_the_default():
    model = make(CharacterTokenizer("ab"), stop_token_id=1)
    texts = model.generate([""] * 20, 30, seed=0)
    assert all(t.find("a") in (-1, len(t) - 1) for t in texts)
    assert any(len(t) < 30 for t in texts)
    whole = model.generate([""] * 20, 30, seed=0, stop_token_id=0)
    assert all(len(t) == 30 for t in whole)


def test_the_log_probability_of_an_answer_is_what_its_score_adds(model):
    generate = model.serving_signatures()["generate"].function
    answer = generate(
        prompt=tf.constant(PROMPTS),
        seed=tf.constant([1, 2, 3]),
        max_new_tokens=tf.constant([5, 9, 1]),
        temperature=tf.constant([1.0, 0.5, 2.0]),
        top_k=tf.constant([3, 0, 0]),
        top_p=tf.constant([1.0, 0.9, 1.0]),
    )
    texts = [t.decode() for t in answer["text"].numpy()]
    whole = [p + t for p, t in zip(PROMPTS, texts, strict=True)]
    added = model.score(whole) - model.score(PROMPTS)
    np.testing.assert_allclose(answer["log_prob"], added, rtol=1e-4)


def test_token_ids_are_answered_by_token_ids(model):
    prompt = model.tokenizer.encode(PROMPTS).numpy()
    ids = model.generate(prompt, 6, seed=9)
    assert ids.shape == (3, 6)
    texts = [t.decode() for t in model.tokenizer.decode(ids).numpy()]
    assert texts == model.generate(PROMPTS, 6, seed=9)
    assert model.generate(prompt[:, :0], 2, seed=0).shape == (3, 2)
    stream = model.stream(prompt[2], 6, seed=row_seeds(9, 3).numpy()[2:])
    assert list(stream) == ids.numpy()[2].tolist()


def test_draws_follow_the_models_own_probabilities():
    model = make(CharacterTokenizer("ab"))
    texts = model.generate([""] * 4000, 2, seed=0, batch_size=4000)
    names = [a + b for a in "ab" for b in "ab"]
    expected = np.exp(model.score(names))
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    observed = [texts.count(name) / 4000 for name in names]
    np.testing.assert_allclose(observed, expected, atol=0.03)


@pytest.mark.parametrize(
    "size, room",
    [(1, 1), (2, 2), (3, 3), (5, 6), (7, 8), (9, 12), (13, 16), (144, 192)],
)
def test_rows_have_one_of_two_lengths_an_octave(size, room):
    assert room_for(size) == room


def test_generation_of_new_lengths_is_not_traced_again(model):
    def traces():
        return sum(
            function.experimental_get_tracing_count()
            for name, function in model._compiled_methods.items()
            if name == "_new_ids"
        )

    for size, prompt in ((9, "a"), (11, "abc"), (20, "")):
        model.generate(prompt, size, seed=0, temperature=0.5 + size)
    before = traces()
    assert before > 0
    for size, prompt in ((10, "ab"), (13, "h"), (16, ""), (17, "ab")):
        model.generate(prompt, size, seed=1, temperature=2.0)
    assert traces() == before


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.generate("xyz", 3), "does not know"),
        (lambda m: m.generate(b"a\xff", 3), "must be UTF-8"),
        (lambda m: m.generate([], 3), "has no rows"),
        (lambda m: m.generate([1.5], 3), "must be text, or integers"),
        (lambda m: m.generate(np.array([[1, 0, 1]]), 3), "a 0 between tokens"),
        (lambda m: m.generate("a", 3, stop_token_id=[[1], [2]]), "row of tok"),
        (lambda m: m.generate(np.array([[99]]), 3), "token ids from 1 to 10"),
        (lambda m: m.generate("a", 0), "`max_new_tokens` must be at least 1"),
        (lambda m: m.generate("a", 10**6), "at most 65536"),
        (lambda m: m.generate("a", 3, top_p=1.5), "`top_p` must be at most"),
        (lambda m: m.generate("a", 3, top_k=2**21), "`top_k` must be at most"),
        (lambda m: m.generate("a", 3, min_p=-0.1), "`min_p` must be at least"),
        (lambda m: m.generate("a", 3, temperature=-1.0), "`temperature` must"),
        (lambda m: m.generate("a", [3, 4]), "one value per row"),
        (lambda m: m.score([["a"]]), "must hold integers"),
    ],
    ids=[
        "unknown",
        "utf8",
        "nothing",
        "floats",
        "gap",
        "stops",
        "big_id",
        "no_tokens",
        "many_tokens",
        "top_p",
        "top_k",
        "min_p",
        "temperature",
        "rows",
        "nested",
    ],
)
def test_bad_requests_are_named(model, call, words):
    with pytest.raises(ValueError, match=words):
        call(model)


def test_strings_need_a_tokenizer():
    model = RecurrentLanguageModel(5, 3)
    with pytest.raises(ValueError, match="no tokenizer"):
        model.generate("a", 3)
    assert model.generate(np.array([[1]]), 3, seed=0).shape == (1, 3)
    signatures = model.serving_signatures()
    assert signatures["generate"].inputs["prompt"].dtype == tf.int32
    assert list(signatures["score"].inputs) == ["x"]
    x = tf.constant([[1, 2], [3, 0]])
    served = signatures["score"].function(x=x)["log_prob"]
    np.testing.assert_allclose(served, model.log_prob(x), rtol=1e-5)
