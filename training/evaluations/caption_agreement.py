"""Whether images made of captions show what the words say."""

import numpy as np

from training.data.captioned_digits import ATTRIBUTES
from training.data.captioned_digits import NAME
from training.data.captioned_digits import NUM_SCENES
from training.data.captioned_digits import Scene

_SEEN = "combinations seen"
_NEVER_SEEN = "combinations never seen"


def agreement(judges, images, labels):
    """How many images show what their labels say.

    Args:
        judges: dict of attribute to `training.feature_classifier.Extractor`.
        images: `(num_images, height, width, channels)` floats in [0, 1].
        labels: `(num_images,)` ints. Classes of the captioned data set.

    Returns:
        dict of attribute to a fraction; and of `"all"`, the fraction of images
        that agree in every attribute.
    """
    right = {
        name: _classes(judge.model, images) == attribute_of(name, labels)
        for name, judge in judges.items()
    }
    right["all"] = np.all(list(right.values()), axis=0)
    return {name: float(values.mean()) for name, values in right.items()}


def attribute_of(name, labels):
    """What scenes of captioned digits show.

    Args:
        name: str. A key of `ATTRIBUTES`; of any other, as `"class"`, the
            labels are the answer.
        labels: `(num_scenes,)` ints.

    Returns:
        `(num_scenes,)` ints.
    """
    if name not in ATTRIBUTES:
        return np.asarray(labels)
    return np.array([getattr(Scene.of(label), name) for label in labels])


def caption_sets(evaluation, count):
    """Captions to make images of, and their classes.

    Args:
        evaluation: `training.evaluation.Evaluation`.
        count: int. Captions of each set.

    Returns:
        dict of what the set is to a list of strings and `(count,)` ints: of
        captioned digits the combinations of words that the training data show,
        and those that they never do; of other data the test captions.
    """
    count = evaluation.at_most(count)
    if evaluation.recipe.data.source == NAME:
        scenes = [Scene.of(label) for label in range(NUM_SCENES)]
        return {
            name: _captions_of(
                [s for s in scenes if s.is_held_out is held], count
            )
            for name, held in ((_SEEN, False), (_NEVER_SEEN, True))
        }
    rows = list(evaluation.dataset.splits["test"].take(count))
    captions = [row["captions"][0].numpy().decode() for row in rows]
    labels = np.array([int(row.get("label", -1)) for row in rows])
    return {"test captions": (captions, labels)}


def report_agreement(report, evaluation, generate, count=300):
    """Adds how well images agree with their captions to a report.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`; without `judges` there is
            no row. They come where a recipe's `evaluate.needs_judges` is true.
        generate: callable `captions -> images`.
        count: int. Captions of each set.
    """
    judges = evaluation.judges
    if not judges:
        return
    for name, (captions, labels) in caption_sets(evaluation, count).items():
        found = agreement(judges, np.asarray(generate(captions)), labels)
        parts = ", ".join(
            f"{key} {value:.1%}" for key, value in found.items() if key != "all"
        )
        report.add(
            f"agreement with the caption, {name}",
            f"{found['all']:.1%}",
            "",
            f"{len(captions)} images, right in all of: {parts}",
        )
        word = "_".join(name.split())
        report.metrics.update(
            {f"agreement_{key}_{word}": value for key, value in found.items()}
        )
    report.notes.append(
        "Agreement is judged by: "
        + "; ".join(f"{name}, {judge}" for name, judge in judges.items())
        + "."
    )


def _captions_of(scenes, count):
    chosen = [scenes[i % len(scenes)] for i in range(count)]
    # Another wording in every round.
    captions = [
        scene.captions[i // len(scenes) % len(scene.captions)]
        for i, scene in enumerate(chosen)
    ]
    return captions, np.array([scene.label for scene in chosen])


def _classes(model, images):
    return model.classify(images)["probabilities"].numpy().argmax(1)
