import numpy as np

from training.data import as_array
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import training_batches
from training.data.domains import second_domain


def test_an_epoch_shows_all_images_of_both_domains():
    digits, photographs = load_dataset("digits"), load_dataset("photographs")
    both = second_domain("photographs")(digits)
    assert "digits" in both.description and "hotograph" in both.description
    for name in ("train", "valid", "test"):
        size = max(digits.size(name), photographs.size(name))
        assert both.size(name) == size
        x, y = (
            as_array(both.splits[name].map(lambda e, k=key: e[k]))
            for key in ("x", "y")
        )
        for images, domain in ((x, digits), (y, photographs)):
            own = as_array(model_inputs(domain.splits[name]))
            expected = np.resize(own, (size, *own.shape[1:]))
            np.testing.assert_array_equal(images, expected)


def test_batches_are_pairs_of_one_image_of_each():
    both = second_domain("digits")(load_dataset("photographs"))
    batches = training_batches(
        model_examples(both.splits["train"]), batch_size=8, seed=0
    )
    x, y = next(iter(batches))
    # Digits have flat zero backgrounds, photographs have not.
    assert x.shape == y.shape == (8, 8, 8, 1)
    assert (y.numpy() == 0.0).mean() > 0.3 > (x.numpy() == 0.0).mean()
