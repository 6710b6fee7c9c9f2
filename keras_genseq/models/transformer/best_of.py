"""Several draws for each row of a request, of which a ranker keeps the best."""

import dataclasses

import tensorflow as tf

from keras_genseq.models.base.endpoint import count_input
from keras_genseq.models.transformer.contrastive_ranker import ContrastiveRanker
from keras_genseq.ops.random import path_seeds

# As many as the paper draws of a caption.
_MOST = 512


def best_of_several(endpoint, ranker):
    """An endpoint that draws several images for each one, and answers one.

    Args:
        endpoint: `Endpoint` with the inputs `caption` and `seed`, and `images`
            among its answers.
        ranker: `ContrastiveRanker`. Of the images drawn for a row, the one is
            kept that it finds nearest to the caption.

    Returns:
        `Endpoint` with one more input, `best_of`: how many are drawn.
    """

    def prepared(best_of, **request):
        return endpoint.prepare(**candidates(request, best_of))

    def answered(result, inputs):
        answers, best_of = endpoint.answers(result, inputs), inputs["best_of"]
        captions = tf.repeat(inputs["caption"], best_of, axis=0)
        scores = ranker.score(answers["images"], captions)
        places = best_places(scores, best_of)
        return {k: tf.gather(v, places) for k, v in answers.items()}

    best_of = count_input(
        "images drawn for each that is answered, of which the best is kept",
        default=1,
        maximum=_MOST,
        example=2,
    )
    return dataclasses.replace(
        endpoint,
        inputs={**endpoint.inputs, "best_of": best_of},
        answer=answered,
        prepare=prepared,
    )


def candidates(request, best_of):
    """Repeats the rows of a request, each copy with a seed of its own.

    Args:
        request: dict of name to `(num_rows, ...)` tensor or None; its `seed`
            holds int32.
        best_of: `(num_rows,)` int32, at least 1. Copies of each row.

    Returns:
        dict like `request`, of `(sum(best_of), ...)` tensors: the copies of a
        row stand together. The first one keeps the row's seed, and copy i
        depends on that seed and i alone, however many there are.
    """
    rows = _rows(best_of)
    numbers = tf.range(tf.shape(rows)[0])
    numbers -= tf.gather(tf.cumsum(best_of, exclusive=True), rows)
    seeds = request["seed"]
    paths = path_seeds(seeds, tf.reduce_max(best_of))
    paths = tf.concat([seeds[:, None], paths], axis=1)
    repeated = {
        name: None if value is None else tf.gather(value, rows)
        for name, value in request.items()
    }
    seeds = tf.gather_nd(paths, tf.stack([rows, numbers], axis=1))
    return {**repeated, "seed": seeds}


def best_places(scores, best_of):
    """Where the best candidate of each row stands; of equal ones, the first.

    Args:
        scores: `(sum(best_of),)` float32.
        best_of: as for `candidates`.

    Returns:
        `(num_rows,)` int32 tensor.
    """
    rows = _rows(best_of)
    highest = tf.gather(tf.math.segment_max(scores, rows), rows)
    count = tf.shape(scores)[0]
    places = tf.where(scores < highest, count, tf.range(count))
    return tf.math.segment_min(places, rows)


def checked_ranker(ranker, model):
    """Checks that a ranker reads the images and the captions of a model.

    Args:
        ranker: whatever was given.
        model: `CaptionedImageModel`.

    Returns:
        The ranker.

    Raises:
        ValueError: if there is none, or it reads others.
    """
    if not isinstance(ranker, ContrastiveRanker):
        raise ValueError(
            "The best of several images is chosen by a ranker: give "
            "`ranker=`, a `ContrastiveRanker` that was trained on these "
            f"captions. Received: ranker={ranker!r}"
        )
    if ranker.image_shape != model.image_shape:
        raise ValueError(
            "The ranker must take images of the same shape, here "
            f"{model.image_shape}. Received one of images of shape "
            f"{ranker.image_shape}."
        )
    is_alike = _words(ranker) == _words(model)
    if not is_alike or ranker.text_length < model.text_length:
        raise ValueError(
            "The ranker must read the token ids of these captions: train it "
            f"with the same tokenizer, {model.vocabulary_size} ids here, and a "
            f"`text_length` of at least {model.text_length}. Received one of "
            f"{ranker.vocabulary_size} ids and {ranker.text_length} tokens"
            f"{'.' if is_alike else ', with another tokenizer.'}"
        )
    return ranker


def _words(model):
    tokenizer = model.tokenizer
    return model.vocabulary_size, tokenizer and tokenizer.get_config()


def _rows(best_of):
    """The row of each candidate."""
    return tf.repeat(tf.range(tf.shape(best_of)[0]), best_of)
