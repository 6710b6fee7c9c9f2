"""Rules of `training.fitting` about batches, budgets and other counts."""

import math

from keras_genseq.models.autoregressive.sparse_markov_model import num_contexts
from training.data import as_array
from training.data import bucket_steps
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data.notes import counted
from training.data.streams import joined
from training.resolve import steps_per_epoch
from training.resolve import transformed

# Updates of an epoch of streams that are cut from a short text.
_FEWEST_STEPS = 4
_LEAST_WINDOW = 8
_FEWEST_TOKENS = 64
# A budget in passes, over a short text, ends long before the model is trained.
_LEAST_UPDATES_OF_TEXT = 2_000
_MOST_PASSES = 50
# Values of a batch of categorical pixels: their logits are kept in memory.
_MOST_LOGITS = 2**24


def _streams(recipe, dataset):
    """Fewer streams and shorter windows, until a text fills some batches."""
    schedule = recipe.schedule
    if not schedule.stream_window:
        return recipe, dataset
    size, window = schedule.global_batch_size, schedule.stream_window
    num_tokens = len(joined(model_examples(dataset.splits["train"])))

    def num_steps():
        return (num_tokens - window + 1) // size // window

    while num_steps() < _FEWEST_STEPS and size > 1:
        size //= 2
    while num_steps() < _FEWEST_STEPS and window > _LEAST_WINDOW:
        window //= 2
    if num_steps() < 1:
        raise ValueError(
            f"{dataset.name!r} has {num_tokens:,} tokens to train on, too few "
            f"for {_FEWEST_STEPS} windows of {_LEAST_WINDOW}. Give a longer "
            "text; of one without spaces between words, `char_lstm` learns "
            "the characters."
        )
    if (size, window) == (schedule.global_batch_size, schedule.stream_window):
        return recipe, dataset
    recipe = recipe.replace(global_batch_size=size, stream_window=window)
    return recipe, dataset.noting(
        f"The text is short: {size} streams of {window} steps in place of "
        f"{schedule.global_batch_size} of {schedule.stream_window}."
    )


def _tokens(recipe, dataset):
    """Batches of fewer tokens, until pairs of texts fill some."""
    tokens = recipe.schedule.tokens_per_batch
    if not tokens:
        return recipe, dataset
    examples, fewer = model_examples(dataset.splits["train"]), tokens
    while (
        bucket_steps(examples, fewer) < _FEWEST_STEPS
        and fewer >= 2 * _FEWEST_TOKENS
    ):
        fewer //= 2
    if fewer == tokens:
        return recipe, dataset
    recipe = recipe.replace(tokens_per_batch=fewer)
    return recipe, dataset.noting(
        f"Batches of {fewer} tokens in place of {tokens}: there are "
        f"{int(examples.cardinality()):,} training pairs."
    )


def _batches(recipe, dataset):
    """Batches that the examples fill, and that the memory holds."""
    schedule = recipe.schedule
    if schedule.stream_window or schedule.tokens_per_batch:
        return recipe, dataset
    size, reason = schedule.global_batch_size, ""
    count = int(model_examples(dataset.splits["train"]).cardinality())
    if count < size:
        size = 2 ** int(math.log2(max(1, count // 2)))
        reason = f"there {'is' if count == 1 else 'are'} "
        reason += counted(count, "training example")
    num_categories = recipe.model.arguments.get("num_categories")
    if "image_shape" in recipe.model.parameters() and num_categories == 256:
        logits = 256 * math.prod(
            dataset.splits["train"].element_spec["image"].shape
        )
        fitting = 2 ** int(math.log2(max(1, _MOST_LOGITS // logits)))
        if fitting < size:
            size, reason = fitting, "a batch has to fit into memory"
    if size == schedule.global_batch_size:
        return recipe, dataset
    return recipe.replace(global_batch_size=size), dataset.noting(
        f"Batches of {size} in place of {schedule.global_batch_size}: {reason}."
    )


def _contexts(recipe, dataset):
    """A table with room for all contexts of a text that is counted."""
    arguments = recipe.model.arguments
    is_given = "model.max_contexts" in recipe.replaced.given
    if "max_contexts" not in arguments or is_given:
        return recipe, dataset
    rows = as_array(model_inputs(dataset.splits["train"]))
    needed = num_contexts(rows, len(dataset.vocabulary), arguments["order"])
    if needed <= arguments["max_contexts"]:
        return recipe, dataset
    model = recipe.model.replace("max_contexts", needed)
    return recipe.replace(model=model), dataset.noting(
        f"Room for {needed:,} contexts in place of "
        f"{arguments['max_contexts']:,}: the text has as many."
    )


def _budget(recipe, dataset):
    """As many updates as on the recipe's own data, however many passes."""
    schedule, own = recipe.schedule, recipe.replaced
    # What is not inside the package may have to be downloaded.
    is_embedded = ":" not in own.recipe.data.source
    if not is_embedded or not schedule.epochs:
        return recipe, dataset
    is_one_pass = schedule.stream_window or schedule.tokens_per_batch
    is_given = {"epochs", "steps", "phases"} & {*own.given} or schedule.steps
    if is_one_pass and is_given:
        return recipe, dataset
    own_steps, steps = _own_steps(recipe), steps_per_epoch(recipe, dataset)
    if not is_one_pass and "passes_per_epoch" not in own.given:
        # An epoch is about as long as on the recipe's own data, whatever the
        # budget: a run that is told to train longer has the same epochs.
        passes = max(1, own_steps // steps) * schedule.passes_per_epoch
        recipe = recipe.replace(passes_per_epoch=passes)
        steps = steps_per_epoch(recipe, dataset)
    if is_given:
        return recipe, dataset
    updates = own.recipe.schedule.epochs * own_steps
    if is_one_pass:
        updates = max(updates, _LEAST_UPDATES_OF_TEXT)
        # A page is known by heart long before.
        updates = min(updates, _MOST_PASSES * steps)
    recipe = recipe.replace(epochs=math.ceil(updates / steps))
    return recipe, dataset.noting(
        f"Budget: {recipe.schedule.epochs:,} epochs of {steps:,} updates. "
        "`--epochs N` sets another one."
    )


def _own_steps(recipe):
    """Updates of an epoch of the recipe as it was, on its own data."""
    own = recipe.replaced.recipe
    dataset = load_dataset(own.data.source)
    return steps_per_epoch(own, transformed(own, dataset))


SCHEDULE_RULES = (_streams, _tokens, _batches, _contexts, _budget)
