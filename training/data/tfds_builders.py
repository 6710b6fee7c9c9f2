"""Any data set of TensorFlow Datasets."""

import tensorflow as tf

from training.data.dataset import Dataset
from training.data.resizing import crop_and_resize
from training.data.splits import num_held_out
from training.data.tfds_preparation import prepared_builder


def load_tfds(name, size=None):
    """Loads a TFDS builder by name.

    Uses the builder's own splits. Where there is no validation or no test
    split, the last rows of train take its place: 10,000 of 60,000, or else a
    tenth.

    Args:
        name: str, `"builder"` or `"builder/config"`.
        size: int, or None. Crops images to the centre square and resizes them
            to `(size, size)`.

    Returns:
        `Dataset` of kind `"images"`, `"pairs"` (translations) or `"text"`,
        after the builder's features.

    Raises:
        ValueError: if there is no such builder, or its features are of
            another kind.
        DataUnavailableError: see `prepared_builder`.
    """
    builder = prepared_builder(name)
    kind, read_one, shape, num_classes = _interpret(builder, name, size)
    splits = {
        split: _read(builder, rows).map(
            read_one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        for split, rows in _split_rows(builder, name).items()
    }
    sizes = " / ".join(f"{int(s.cardinality()):,}" for s in splits.values())
    return Dataset(
        name=f"tfds:{name}",
        kind=kind,
        splits=splits,
        num_classes=num_classes,
        element_shape=shape,
        description=(
            f"{builder.info.full_name} of TensorFlow Datasets, {sizes} "
            f"examples, from {builder.info.homepage}."
        ),
    )


def _interpret(builder, name, size):
    """What the builder's features are to us.

    Returns:
        Kind, function from a row of TFDS to an example, element shape, number
        of classes.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    if isinstance(features, tfds.features.Translation):
        keys = builder.info.supervised_keys or sorted(features)
        source, target = keys[:2]
        return (
            "pairs",
            lambda row: {"source": row[source], "target": row[target]},
            None,
            None,
        )
    if not isinstance(features, tfds.features.FeaturesDict):
        features = {"": features}
    features = dict(features.items())
    if isinstance(features.get("image"), tfds.features.Image):
        return _interpret_images(builder, name, size)
    if set(features) == {"text"}:
        return "text", lambda row: {"text": row["text"]}, None, None
    raise ValueError(
        "A builder must give images, translations or plain text. Received: "
        f"tfds:{name} with the features {', '.join(features)}"
    )


def _interpret_images(builder, name, size):
    features = dict(builder.info.features.items())
    image = features["image"]
    channels = image.shape[-1]
    shape = image.shape if size is None else (size, size, channels)
    if None in shape:
        raise ValueError(
            "Images must have one size, but those of this builder differ. "
            f"Resize them, for instance with tfds:{name}?size=64. "
            f"Received: image_shape={image.shape}"
        )
    label = features.get("label")
    num_classes = getattr(label, "num_classes", None)
    # Binarized MNIST stores 0 and 1, not 0 and 255.
    white = 1.0 if builder.name == "binarized_mnist" else 255.0

    def read_one(row):
        pixels = tf.cast(row["image"], tf.float32) / white
        if size is not None:
            pixels = crop_and_resize(pixels, size)
        example = {"image": tf.ensure_shape(pixels, shape)}
        if num_classes is not None:
            example["label"] = tf.cast(row["label"], tf.int32)
        return example

    return "images", read_one, tuple(shape), num_classes


def _split_rows(builder, name):
    """Names of our splits to TFDS' way of saying which rows."""
    present = builder.info.splits
    if "train" not in present:
        raise ValueError(
            "A builder must have a split named train. Received: "
            f"tfds:{name} with {', '.join(present) or 'no splits'}"
        )
    rows = {}
    end = present["train"].num_examples
    num_each = num_held_out(end)
    for split, theirs in (("test", "test"), ("valid", "validation")):
        if theirs in present:
            rows[split] = theirs
        else:
            rows[split] = f"train[{end - num_each}:{end}]"
            end -= num_each
    return {"train": f"train[:{end}]", **rows}


def _read(builder, rows):
    import tensorflow_datasets as tfds

    return builder.as_dataset(
        split=rows,
        shuffle_files=False,
        read_config=tfds.ReadConfig(try_autocache=False),
    )
