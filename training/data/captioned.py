"""Images with their captions, as models of both learn them."""

import dataclasses

from training.data.sequences import of_dataset


def captioned():
    """Sets what is said of an image beside it, with its class if it has one.

    Returns:
        Function from a `Dataset` of kind `"captions"` to another one, whose
        examples have `y`: a dict of `captions` and, where there are classes,
        `label`.

    Raises:
        ValueError: if the data have no captions.
    """

    def with_targets(example):
        y = {k: example[k] for k in ("captions", "label") if k in example}
        return {**example, "y": y}

    def transform(dataset):
        if dataset.kind != "captions":
            raise ValueError(
                "This recipe learns from images and their captions: give them "
                "as `--data captions:DIR`. Received: "
                f"{dataset.name!r}, of kind {dataset.kind!r}"
            )
        if dataset.num_classes == 1:
            dataset = dataset.noting(
                "There is one class alone, and so no mismatching caption: "
                "leave the classes out, and every image is one of its own."
            )
        splits = {n: s.map(with_targets) for n, s in dataset.splits.items()}
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)
