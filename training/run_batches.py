"""The batches that a run trains on, as its recipe wants them."""

from training.data import bucket_batches
from training.data import model_examples
from training.data import stream_batches
from training.data import training_batches
from training.data.service import check_service
from training.data.service import from_service
from training.factory import make


def run_batches(
    recipe, dataset, *, steps_per_epoch, start, service=None, num_hosts=1
):
    """Batches from a step of an epoch on, as a recipe wants them.

    Args:
        recipe: `Recipe`.
        dataset: `Dataset`, transformed.
        steps_per_epoch: int.
        start: pair of ints, the epoch and the step within it.
        service: optional str, `host:port` of a dispatcher of tf.data's service
            whose workers make them.
        num_hosts: int. Processes that train together.

    Returns:
        Infinite `tf.data.Dataset`.

    Raises:
        OSError: if the service does not answer.
        ValueError: if it cannot give what the run needs.
    """
    batches = _batches(recipe, dataset, steps_per_epoch, *start)
    if service is None:
        return batches
    note = check_service(
        service,
        num_hosts=num_hosts,
        needs_order=recipe.schedule.stream_window is not None,
    )
    if note is not None:
        print(note)
    return from_service(batches, service)


def _batches(recipe, dataset, num_steps, epoch, step):
    schedule = recipe.schedule
    start = {"seed": recipe.seed, "start_epoch": epoch, "start_step": step}
    examples = model_examples(dataset.splits["train"])
    if schedule.tokens_per_batch:
        return bucket_batches(
            examples, tokens=schedule.tokens_per_batch, **start
        )
    start["batch_size"] = schedule.global_batch_size
    if schedule.stream_window:
        return stream_batches(examples, window=schedule.stream_window, **start)
    return training_batches(
        examples,
        steps_per_epoch=num_steps,
        augment_batch=make(
            recipe.data.augment, {"num_labels": dataset.num_classes}
        ),
        **start,
    )
