"""Metrics of samples beside those of torchmetrics, on the same features."""

import numpy as np
import pytest

from keras_genseq.metrics import FeatureMoments
from keras_genseq.metrics import InceptionScore
from keras_genseq.metrics import frechet_distance
from keras_genseq.metrics import kernel_distances

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torchmetrics", reason="needs torchmetrics")

from torchmetrics.image.fid import FrechetInceptionDistance  # noqa: E402
from torchmetrics.image.inception import InceptionScore as Theirs  # noqa: E402
from torchmetrics.image.kid import KernelInceptionDistance  # noqa: E402

NUM_FEATURES = 6


class Features(torch.nn.Module):
    """Takes images of one row for their features."""

    num_features = NUM_FEATURES

    def forward(self, x):
        return x.reshape(len(x), -1)


def features(count, seed):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(NUM_FEATURES, NUM_FEATURES))
    return rng.normal(size=(count, NUM_FEATURES)) @ mixing + seed


def as_images(x):
    return torch.tensor(x, dtype=torch.float64).reshape(len(x), 1, 1, -1)


def updated(metric, real, fake):
    metric.set_dtype(torch.float64)
    metric.update(as_images(real), real=True)
    metric.update(as_images(fake), real=False)
    return metric


def test_frechet_distance():
    real, fake = features(400, 0), features(300, 1)
    theirs = updated(
        FrechetInceptionDistance(
            feature=Features(), input_img_size=(1, 1, NUM_FEATURES)
        ),
        real,
        fake,
    )
    moments = [FeatureMoments(NUM_FEATURES).update(x) for x in (real, fake)]
    expected = float(theirs.compute())
    assert frechet_distance(*moments) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance():
    real, fake = features(200, 0), features(200, 1)
    # Subsets of all: the order of rows does not count.
    theirs = updated(
        KernelInceptionDistance(feature=Features(), subsets=2, subset_size=200),
        real,
        fake,
    )
    ours = kernel_distances(real, fake, num_subsets=2, subset_size=200)
    assert ours.mean() == pytest.approx(float(theirs.compute()[0]), rel=1e-4)


def test_inception_score():
    logits = features(300, 2)
    theirs = Theirs(feature=Features(), splits=1)
    theirs.update(as_images(logits))
    p = np.exp(logits - logits.max(1, keepdims=True))
    ours = InceptionScore(NUM_FEATURES, 1)
    ours.update(p / p.sum(1, keepdims=True))
    expected = float(theirs.compute()[0])
    assert ours.mean == pytest.approx(expected, rel=1e-4)
