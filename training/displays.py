"""What shows how training goes: TensorBoard, samples, an alarm."""

import keras

from keras_genseq.models import AdversarialModel
from training import figures
from training.callbacks import SampleGrids
from training.callbacks import SampleTexts
from training.gan_monitor import CollapseAlarm

# Of a profile: late enough that everything is traced, early enough to come.
_PROFILED_UPDATES = (6, 10)


def displays(run, recipe, dataset, model, progress, profile=False):
    """Callbacks that show how training goes.

    Args:
        run: `RunFolder`.
        recipe: `Recipe`.
        dataset: `Dataset`, transformed.
        model: the model in training.
        progress: `RunProgress`, which may end training: they come before it.
        profile: bool. Whether TensorBoard gets a profile of some updates.

    Returns:
        list of `keras.callbacks.Callback`.
    """
    return [
        keras.callbacks.TensorBoard(
            run.logs,
            write_graph=False,
            update_freq="epoch",
            profile_batch=_PROFILED_UPDATES if profile else 0,
        ),
        *_samples(run, recipe, dataset, model),
        *_alarms(model, progress),
    ]


def _samples(run, recipe, dataset, model):
    """The callback that shows what the model makes, if it makes any samples."""
    if recipe.evaluation.picture is None and not hasattr(model, "sample"):
        return []
    if recipe.evaluation.picture is not None or not dataset.vocabulary:

        def picture(model):
            return figures.picture(recipe.evaluation.picture, model, dataset)

        return [SampleGrids(run.logs, picture)]

    def texts(model):
        rows = model.sample(3, length=200, seed=0).numpy()
        return [dataset.text(row) for row in rows]

    return [SampleTexts(run.logs, texts)]


def _alarms(model, progress):
    """The callback that watches adversarial training."""
    if not isinstance(model, AdversarialModel):
        return []
    return [CollapseAlarm(progress.state["history"])]
