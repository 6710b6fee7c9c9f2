"""Adversarial models: Parzen windows, signs of collapse, pictures."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from keras_genseq.metrics import FeatureMoments
from keras_genseq.metrics import ParzenWindow
from keras_genseq.metrics import frechet_distance
from keras_genseq.metrics import kernel_distances
from keras_genseq.metrics import precision_recall
from keras_genseq.ops.interpolation import linear_interpolation
from keras_genseq.ops.interpolation import spherical_interpolation
from training import figures
from training.data import as_array
from training.data import model_inputs
from training.evaluations.density import mean_with_interval
from training.report import Report

NUM_SAMPLES = 10_000
_NUM_VALIDATION = 1_000
_COMPARED = 1_000
_CLASSIFIED = 10_000
# A class with less of the samples than this share counts as lost.
_LEAST_SHARE = 0.01


def evaluate_adversarial(evaluation):
    """Reports an `AdversarialModel`: likelihood by samples, signs of collapse.

    Args:
        evaluation: `training.evaluate.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: samples")
    samples = np.array(evaluation.model.sample(NUM_SAMPLES, seed=0))
    test = evaluation.inputs("test")
    add_parzen(report, evaluation, samples, test)
    _verdicts(report, evaluation, samples, test)
    _diversity(report, evaluation, samples, test)
    _distances(report, evaluation, samples, test)
    add_classes(report, evaluation, samples)
    _pictures(report, evaluation)
    return report


def add_parzen(report, evaluation, samples, test):
    """Adds the Parzen log-likelihood, and that of as many training images.

    Args:
        report: `Report`.
        evaluation: `training.evaluate.Evaluation`.
        samples: `(num_samples, ...)` array.
        test: `(num_examples, ...)` array.
    """
    paper, source = evaluation.recipe.paper.get("parzen", ("", ""))
    valid = evaluation.inputs("valid", _NUM_VALIDATION)
    train = evaluation.inputs("train", len(samples))
    for name, centres, theirs, remark in (
        ("samples", samples, paper, source),
        ("training_images", train, "", "what a perfect generator would reach"),
    ):
        window = ParzenWindow.chosen(centres, valid)
        mean, interval = mean_with_interval(window.log_prob(test))
        report.add(
            f"test log-likelihood by Parzen windows of {len(centres):,} "
            f"{name.replace('_', ' ')}, nats",
            f"**{mean:.1f} ± {interval:.1f}**",
            theirs,
            f"bandwidth {window.bandwidth:.3f}, chosen on {len(valid):,} "
            f"validation images; all {len(test):,} test images, 95 % "
            f"interval. {remark}",
        )
        report.metrics[f"parzen_of_{name}"] = float(mean)
        report.metrics[f"parzen_of_{name}_interval"] = interval
    report.metrics["num_parameters"] = evaluation.model.count_params()


def _verdicts(report, evaluation, samples, test):
    """What the discriminator says of both: 1/2 where it cannot tell."""
    model = evaluation.model
    real = np.array(model.discriminate(test))
    fake = np.array(model.discriminate(samples[: len(test)]))
    for name, realness in (("test images", real), ("samples", fake)):
        report.add(
            f"discriminator on {name}: mean realness, share held real",
            f"{realness.mean():.3f}, {(realness > 0.5).mean():.3f}",
            "",
            "1/2 where it cannot tell",
        )
        report.metrics[f"realness_of_{name.replace(' ', '_')}"] = float(
            realness.mean()
        )


def _diversity(report, evaluation, samples, test):
    """How far samples are from each other, and from the training images."""
    train = evaluation.inputs("train")
    samples, test = samples[:_COMPARED], test[:_COMPARED]
    between = [_pairwise(x).mean() for x in (samples, test)]
    nearest = [
        np.sqrt(ParzenWindow(train, 1.0).squared_distances(x).min(1)).mean()
        for x in (
            samples.reshape(len(samples), -1),
            test.reshape(len(test), -1),
        )
    ]
    for name, words, (ours, real), remark in (
        ("diversity", "to another", between, "less: collapse"),
        ("novelty", "to the nearest training image", nearest, "0: copies"),
    ):
        report.add(
            f"mean distance of a sample {words}",
            f"{ours:.2f}",
            "",
            f"of a test image {real:.2f}; {remark}",
        )
        report.metrics[name] = float(ours)
        report.metrics[f"{name}_of_test_images"] = float(real)


def _distances(report, evaluation, samples, test):
    """Distances of samples to test images, between a floor and a ceiling.

    Features are the pixels themselves: no network has to be trusted, and the
    numbers compare with no paper's.
    """
    count = min(_COMPARED, len(test))
    real = test[:count].reshape(count, -1)
    train = evaluation.inputs("train", count)
    noise = np.random.default_rng(0).random(train.shape)
    for name, images in (
        ("samples", samples[: len(train)]),
        ("training_images", train),
        ("noise", noise),
    ):
        other = images.reshape(len(images), -1)
        moments = [FeatureMoments(x.shape[1]).update(x) for x in (real, other)]
        frechet = frechet_distance(*moments)
        kernel = kernel_distances(real, other, 20, count // 2)
        precision, recall = precision_recall(real, other)
        words = name.replace("_", " ")
        remark = {"training_images": "; the floor", "noise": "; the ceiling"}
        report.add(
            f"{words}: Fréchet distance, kernel distance of pixels",
            f"{frechet:.2f}, {kernel.mean():.4f} ± "
            f"{kernel.std() / np.sqrt(len(kernel)):.4f}",
            "",
            f"{len(other):,} against {count:,} test images"
            f"{remark.get(name, '')}",
        )
        report.add(
            f"{words}: precision, recall of pixels",
            f"{precision:.3f}, {recall:.3f}",
        )
        report.metrics[f"frechet_distance_of_{name}"] = frechet
        report.metrics[f"kernel_distance_of_{name}"] = float(kernel.mean())
        report.metrics[f"precision_of_{name}"] = precision
        report.metrics[f"recall_of_{name}"] = recall


def _pairwise(x):
    rows = x.reshape(len(x), -1)
    distances = ParzenWindow(rows, 1.0).squared_distances(rows)
    return np.sqrt(distances[~np.eye(len(rows), dtype=bool)])


def add_classes(report, evaluation, samples):
    """Adds how many classes a classifier of real images finds in samples.

    Args:
        report: `Report`.
        evaluation: `training.evaluate.Evaluation`.
        samples: `(num_samples, ...)` array.
    """
    train = evaluation.dataset.splits["train"]
    if "label" not in train.element_spec:
        return
    x = as_array(model_inputs(train), _CLASSIFIED)
    labels = as_array(train.map(lambda e: e["label"]), _CLASSIFIED)
    classifier = LogisticRegression(max_iter=100)
    classifier.fit(x.reshape(len(x), -1), labels)
    found = classifier.predict(samples.reshape(len(samples), -1))
    shares = np.array([(found == c).mean() for c in classifier.classes_])
    kept = int((shares > _LEAST_SHARE).sum())
    report.add(
        "classes among the samples",
        f"{kept} of {len(shares)}",
        "",
        f"with more than {_LEAST_SHARE:.0%} of them by a logistic regression "
        f"on pixels; shares from {shares.min():.3f} to {shares.max():.3f}",
    )
    report.metrics["classes_found"] = kept
    report.metrics["class_shares"] = [round(float(s), 4) for s in shares]


def _pictures(report, evaluation):
    model, folder = evaluation.model, evaluation.run.figures
    for name, caption, image in (
        (
            "samples.png",
            "Samples (seeds of seed 0)",
            figures.sample_grid(model),
        ),
        (
            "interpolations.png",
            "From one draw of the noise to another",
            interpolation_grid(model),
        ),
    ):
        figures.write_image(folder / name, image)
        report.figures.append((caption, name))
    if evaluation.history:
        figures.write_curves(
            folder / "curves.png",
            evaluation.history,
            ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"],
            ylabel="nats; shares",
            levels={"log 4": np.log(4.0), "log 2": np.log(2.0)},
        )
        report.figures.append(
            ("Training: d_loss is log 4 where D cannot tell", "curves.png")
        )


def interpolation_grid(model, num_rows=6, num_steps=12):
    """Ways from one draw of the noise to another, drawn as images.

    Args:
        model: `AdversarialModel`.
        num_rows: int. Ways.
        num_steps: int. Images along a way.

    Returns:
        `(height, width, C)` array: on the arc where the noise is normal, on
        the straight line where it is uniform.
    """
    z = np.array(model.draw_latents(np.arange(2 * num_rows, dtype="int32")))
    interpolate = (
        spherical_interpolation
        if model.noise == "normal"
        else linear_interpolation
    )
    ways = np.array(interpolate(z[::2], z[1::2], num_steps))
    images = np.array(model.decode_latents(ways.reshape(-1, z.shape[1])))
    scale = max(1, 56 // images.shape[1])
    return figures.grid(images, num_steps, scale=scale)
