"""Several draws of which one is kept: which are drawn, and which one it is."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import ContrastiveRanker
from keras_genseq.models.transformer.best_of import best_places
from keras_genseq.models.transformer.best_of import candidates
from keras_genseq.tokenizers import WordTokenizer
from tests.conformance.instances import awake
from tests.conformance.instances import eagerly
from tests.models.transformer.dalle_test import TEXT
from tests.models.transformer.dalle_test import WORDS
from tests.models.transformer.dalle_test import make_model

CAPTIONS = ["a b", "c"]


@pytest.fixture
def untraced():
    """A draw of twelve tokens by one block runs step by step.

    Making a graph of it takes longer. The tables prove that graphs and programs
    draw the same, and so does what is served below.
    """
    with eagerly():
        yield


def make_ranker(image_shape=(8, 6, 1), **kwargs):
    options = {
        "patch_size": 2,
        "text_length": TEXT,
        "num_layers": 1,
        "hidden_dim": 8,
        "num_heads": 2,
        "embedding_dim": 4,
        "tokenizer": WordTokenizer(WORDS),
        **kwargs,
    }
    return awake(ContrastiveRanker(image_shape, **options), 1.0)


def make_small(**kwargs):
    return make_model(num_layers=1, attention_types=("full",), **kwargs)


@functools.cache
def model_with_ranker():
    return make_small(ranker=make_ranker())


def drawn_for(seeds, caption, counts):
    """Candidates of rows of one caption, drawn one by one; (row, image)."""
    request = {"seed": tf.constant(seeds)}
    several = candidates(request, tf.constant(counts))["seed"].numpy()
    model = model_with_ranker()
    images = model.generate([caption] * len(several), seed=several).numpy()
    return np.split(images, np.cumsum(counts)[:-1])


def test_copies_stand_together_with_seeds_of_their_own():
    request = {
        "caption": tf.constant([[1], [2], [3]]),
        "seed": tf.constant([7, 8, 7]),
        "guidance": None,
    }
    found = candidates(request, tf.constant([1, 3, 2]))
    assert found["caption"].numpy().tolist() == [[1], [2], [2], [2], [3], [3]]
    assert found["guidance"] is None
    seeds = found["seed"].numpy()
    assert seeds[[0, 1, 4]].tolist() == [7, 8, 7]
    assert len(set(seeds[1:])) == 5
    # More copies of a row leave its first ones as they are.
    more = candidates(request, tf.constant([4, 5, 1]))["seed"].numpy()
    assert more[4:7].tolist() == seeds[1:4].tolist()
    assert more[1] == seeds[5]


def test_the_first_of_the_highest_scores_is_the_best():
    scores = tf.constant([0.3, -2.0, 0.5, 0.5, 0.1, 0.2])
    places = best_places(scores, tf.constant([1, 3, 2]))
    assert places.numpy().tolist() == [0, 2, 5]


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("caption", CAPTIONS)
def test_the_image_nearest_to_the_caption_is_kept(caption):
    model = model_with_ranker()
    counts = [4, 1, 3]
    kept = model.generate([caption] * 3, seed=[1, 2, 3], best_of=counts).numpy()
    for image, images in zip(
        kept, drawn_for([1, 2, 3], caption, counts), strict=True
    ):
        scores = np.array(model.ranker.score(images, [caption] * len(images)))
        np.testing.assert_allclose(image, images[scores.argmax()], atol=1e-6)
    plain = model.generate([caption] * 3, seed=[1, 2, 3]).numpy()
    np.testing.assert_allclose(plain[1], kept[1], atol=1e-6)
    assert np.abs(plain - kept).max() > 0.01


@pytest.mark.usefixtures("untraced")
def test_more_candidates_never_score_lower():
    model = model_with_ranker()
    scores = [
        np.array(
            model.ranker.score(
                model.generate(CAPTIONS * 2, seed=[5, 6, 7, 8], best_of=count),
                CAPTIONS * 2,
            )
        )
        for count in (1, 2, 6)
    ]
    assert (np.diff(scores, axis=0) > -1e-5).all()
    assert scores[-1].mean() > scores[0].mean()


@pytest.mark.usefixtures("untraced")
def test_another_ranker_chooses_otherwise():
    model = model_with_ranker()
    other = make_ranker()
    for weight in other.text_encoder.head.trainable_weights:
        weight.assign(-weight)
    options = {"num_images": 6, "seed": 4, "best_of": 5}
    own = model.generate("a b", **options).numpy()
    others = model.generate("a b", ranker=other, **options).numpy()
    assert (np.abs(own - others).max((2, 3, 4)) > 0.01).any()
    plain = make_small()
    assert plain.ranker is None
    again = plain.generate("a b", ranker=model.ranker, **options).numpy()
    np.testing.assert_allclose(again, own, atol=1e-6)


def test_the_served_choice_is_the_one_in_python():
    model = model_with_ranker()
    signature = model.serving_signatures()["generate"]
    request = {
        name: tf.repeat(tf.constant(value), 2, axis=0)
        for name, value in signature.example.items()
    }
    request["caption"] = tf.constant(CAPTIONS)
    request["seed"] = tf.constant([3, 4])
    request["best_of"] = tf.constant([3, 2])
    graph = tf.function(signature.function, autograph=False)
    served = graph(**request)["images"]
    with eagerly():
        images = model.generate(CAPTIONS, seed=[3, 4], best_of=[3, 2])
    np.testing.assert_allclose(served, images, atol=1e-5)
    names = make_small().serving_signatures()["generate"].inputs
    assert "best_of" not in names


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: None, "give `ranker=`, a `ContrastiveRanker`"),
        (lambda: make_ranker((8, 8, 1)), "of images of shape \\(8, 8, 1\\)"),
        (lambda: make_ranker(text_length=2), "a `text_length` of at least 3"),
        (
            lambda: make_ranker(tokenizer=WordTokenizer(["a", "b", "d"])),
            "with another tokenizer",
        ),
    ],
)
def test_rankers_that_do_not_fit_are_refused(make, words):
    model = make_small()
    with pytest.raises(ValueError, match=words):
        model.generate("a", best_of=2, ranker=make())
