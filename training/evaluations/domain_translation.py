"""Translators to many domains: what arrives there, and what is kept."""

import keras
import numpy as np

from keras_genseq.models import ImageClassifier
from training import figures
from training.data import as_array
from training.evaluations.image_translation import spread
from training.report import Report

_JUDGED = 500
_SHOWN = 8
_CLASSIFIER_UPDATES = 600
_CLASSIFIER_BATCH = 64


def evaluate_domain_translation(evaluation):
    """Reports a `StarGAN` of classes or of attributes.

    Test images are translated to a class that is not their own, each next one
    to another; or each attribute is changed to its contrary, one at a time.
    Classifiers of real images, trained here and then frozen, say where the
    translations arrive.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="StarGAN: translations")
    x, labels = _test_images(evaluation, evaluation.at_most(_JUDGED))
    classifiers = _classifiers(evaluation)
    if model.labels == "classes":
        found = _classes(report, model, classifiers[0], x, labels)
    else:
        found = _attributes(report, evaluation, classifiers, x, labels)
    _identity(report, model, classifiers, x, labels, *found)
    own = model.classify(x)["logits"]
    vectors = model.domain_labels.vectors(
        model.domain_labels.read(labels, len(x))
    )
    right = float(np.mean(model.domain_labels.accuracies(own, vectors)))
    report.add(
        "labels that the discriminator reads rightly",
        f"{right:.4f}",
        "",
        "test",
    )
    report.metrics["discriminator_label_accuracy"] = right
    report.metrics["num_parameters"] = model.count_params()
    report.add_figure(
        "translations",
        "Test images, and each of them in all domains: "
        + ", ".join(_titles(model, evaluation.dataset)),
        domain_grid(model, evaluation.dataset),
    )
    report.add_curves(
        evaluation.history,
        ["d_loss", "g_loss", "reconstruction", "fake_label_loss"],
        "losses",
    )
    return report


evaluate_domain_translation.kinds = ("images",)


def domain_grid(model, dataset):
    """Images, and beside each its translations to all domains.

    Of attributes, one is changed at a time, and in the last column all.

    Args:
        model: `StarGAN`.
        dataset: `Dataset`, transformed by `with_domains`.

    Returns:
        `(height, width, C)` array.
    """
    examples = list(dataset.splits["test"])
    examples = [examples[i] for i in spread(np.arange(len(examples)), _SHOWN)]
    x = np.stack([example["image"] for example in examples])
    labels = np.stack([example["y"] for example in examples])
    columns = [x]
    if model.labels == "classes":
        targets = [np.full(len(x), i) for i in range(model.num_domains)]
    else:
        targets = [_flipped(labels, [i]) for i in range(model.num_domains)]
        targets.append(_flipped(labels, range(model.num_domains)))
    columns += [np.array(model.translate(x, target_domain=t)) for t in targets]
    # (rows, columns, height, width, channels)
    images = np.stack(columns, axis=1)
    images = images.reshape(-1, *x.shape[1:])
    return figures.enlarged_grid(images, len(columns), side=64)


def _titles(model, dataset):
    names = list(dataset.class_names)
    if not names:
        names = [str(i) for i in range(model.num_domains)]
    if model.labels == "classes":
        return names
    return [f"the contrary of {name}" for name in names] + ["of all"]


def _classes(report, model, classifier, x, labels):
    """Translations to other classes, and the labels of where they came from."""
    steps = 1 + np.arange(len(x)) % max(1, model.num_domains - 1)
    targets = ((labels + steps) % model.num_domains).astype("int32")
    translated = np.array(model.translate(x, target_domain=targets))
    accuracy = _accuracy(classifier, translated, targets)
    real = _accuracy(classifier, x, labels)
    report.add(
        "translations in their target domain",
        f"**{accuracy:.4f}**",
        "",
        f"by a classifier of real images, right on {real:.4f} of those of the "
        f"test; {len(x):,} translations, each to another class than its own",
    )
    as_they_were = _accuracy(classifier, x, targets)
    report.metrics["domain_accuracy"] = accuracy
    report.metrics["classifier_accuracy"] = real
    _compare(report, accuracy, as_they_were, real)
    return translated, targets


def _attributes(report, evaluation, classifiers, x, labels):
    model = evaluation.model
    answers, reals, targets, translated, before = [], [], [], [], []
    for i, name in enumerate(evaluation.dataset.class_names):
        target = _flipped(labels, [i])
        translations = np.array(model.translate(x, target_domain=target))
        answers.append(_accuracy(classifiers[i], translations, target[:, i]))
        reals.append(_accuracy(classifiers[i], x, labels[:, i]))
        before.append(_accuracy(classifiers[i], x, target[:, i]))
        kept = [
            _accuracy(other, translations, labels[:, j])
            for j, other in enumerate(classifiers)
            if j != i
        ]
        report.add(
            f"translations with the contrary of `{name}`",
            f"**{answers[-1]:.4f}**",
            "",
            "by a classifier of real images, right on "
            f"{reals[-1]:.4f} of those of the test; {len(x):,} translations"
            + "".join(
                f"; other attributes as they were: {share:.4f}"
                for share in ([np.mean(kept)] if kept else [])
            ),
        )
        report.metrics[f"domain_accuracy_{name}"] = answers[-1]
        targets.append(target)
        translated.append(translations)
    report.metrics["domain_accuracy"] = float(np.mean(answers))
    report.metrics["classifier_accuracy"] = float(np.mean(reals))
    _compare(report, *map(np.mean, (answers, before, reals)))
    # Each next image with another attribute changed.
    which = np.arange(len(x)) % len(classifiers), np.arange(len(x))
    return np.stack(translated)[which], np.stack(targets)[which]


def _compare(report, accuracy, as_they_were, real):
    """Translations that miss their domain, beside images as they were."""
    if real <= as_they_were:
        report.leave_out(
            "a verdict",
            f"The classifier of real images is right on {real:.4f} of them, "
            f"and takes {as_they_were:.4f} for the domain they are translated "
            "to: it cannot tell the domains apart. Give more images.",
        )
        return
    report.comparison = (
        1.0 - float(accuracy),
        "of translations miss their domain",
        {"images as they were": 1.0 - float(as_they_were)},
        ("real images of it", 1.0 - float(real)),
    )


def _identity(report, model, classifiers, x, labels, translated, targets):
    """Whether translations are still of the image that they were made of."""
    back = np.array(model.translate(translated, target_domain=labels))
    error = float(np.abs(back - x).mean())
    to_mean = float(np.abs(x - x.mean(0)).mean())
    report.add(
        "what comes back: distance to the image",
        f"{error:.4f}",
        "",
        f"of a pixel, in [0, 1]; of the mean image {to_mean:.4f}",
    )
    features, again = (
        np.concatenate([np.array(c.encode(z)) for c in classifiers], axis=-1)
        for z in (x, back)
    )
    ours = float(np.linalg.norm(features - again, axis=-1).mean())
    other = np.roll(features, 1, axis=0)
    theirs = float(np.linalg.norm(features - other, axis=-1).mean())
    report.add(
        "the same in features of the classifier",
        f"{ours:.3f}",
        "",
        f"of two test images {theirs:.3f}",
    )
    nearest = {
        name: float((_nearest(z, x) == np.arange(len(x))).mean())
        for name, z in (("back", back), ("translated", translated))
    }
    report.add(
        "what comes back is nearest to its own image",
        f"{nearest['back']:.4f}",
        "",
        f"by pixels, among {len(x):,} test images; of translations "
        f"{nearest['translated']:.4f}, by chance {1 / len(x):.4f}",
    )
    report.metrics.update(
        reconstruction_error=error,
        feature_distance=ours,
        feature_distance_of_images=theirs,
        nearest_is_source=nearest,
    )


def _nearest(x, images):
    """Numbers of the images that are nearest to each of `x`, by pixels."""
    x, images = (z.reshape(len(z), -1) for z in (x, images))
    distances = (images**2).sum(1) - 2.0 * x @ images.T
    return distances.argmin(1)


def _classifiers(evaluation):
    """A classifier of the domains; of attributes, one for each."""
    train = evaluation.dataset.splits["train"]
    x = as_array(train.map(lambda example: example["image"]))
    labels = as_array(train.map(lambda example: example["y"]))
    updates = evaluation.at_most(_CLASSIFIER_UPDATES)
    if labels.ndim == 1:
        num_classes = evaluation.model.num_domains
        return [_classifier(x, labels, num_classes, updates)]
    columns = labels.astype("int32").T
    return [_classifier(x, column, 2, updates) for column in columns]


def _classifier(x, labels, num_classes, updates):
    """A classifier that was trained on real images alone."""
    keras.utils.set_random_seed(0)
    model = ImageClassifier(x.shape[1:], num_classes)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    rng = np.random.default_rng(0)
    for _ in range(updates):
        rows = rng.integers(len(x), size=_CLASSIFIER_BATCH)
        model.train_on_batch(x[rows], labels[rows])
    return model


def _test_images(evaluation, limit):
    test = evaluation.dataset.splits["test"]
    x = as_array(test.map(lambda example: example["image"]))
    labels = as_array(test.map(lambda example: example["y"]))
    return spread(x, limit), spread(labels, limit)


def _flipped(labels, columns):
    """Vectors of attributes, some of them changed to their contrary."""
    labels = np.array(labels)
    for column in columns:
        labels[:, column] = 1.0 - labels[:, column]
    return labels


def _accuracy(classifier, x, labels):
    probabilities = np.array(classifier.classify(x)["probabilities"])
    return float((probabilities.argmax(1) == labels).mean())
