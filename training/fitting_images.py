"""Rules of `training.fitting` about images: pixels, sides, labels, vectors."""

import math
import shlex

import numpy as np

from keras_genseq.layers import ResidualStem
from keras_genseq.models.adversarial.progressive_networks import level_of
from keras_genseq.models.adversarial.progressive_networks import side_of
from training.data import as_array
from training.data import model_inputs
from training.data.few_labels import few_labels
from training.data.transforms import bernoulli_binarize
from training.data.transforms import crop
from training.data.transforms import dequantize
from training.data.transforms import flatten
from training.data.transforms import held_out
from training.data.transforms import quantize
from training.data.transforms import resize
from training.data.transforms import threshold
from training.factory import Factory
from training.resolve import resolve

_LEVELS = 256
_JUDGED = 256
_WHOLE = 1e-4
_LARGEST_DCGAN = 64
_LONGEST_VECTOR = 1_600
_MOST_PATCHES = 256
_MOST_PLACES = 256


def _pixels(recipe, dataset):
    """A likelihood of the levels that pixels have, in place of random bits."""
    if dataset.kind not in ("images", "vectors"):
        return recipe, dataset
    x = _some(dataset)
    if dataset.kind == "vectors" and (x.min() < 0.0 or x.max() > 1.0):
        return _real_vectors(recipe, dataset, x)
    if _is_whole(x, 2):
        return _binary(recipe, dataset)
    words = "values are" if dataset.kind == "vectors" else "pixels are grey"
    if dataset.element_shape[-1] == 3 and dataset.kind == "images":
        words = "pixels have colors"
    options = {**recipe.model.parameters(), **recipe.model.arguments}
    given = recipe.replaced.given
    if options.get("likelihood") == "bernoulli":
        if "model.likelihood" in given:
            return recipe, dataset
        recipe = _without_binarizing(recipe).replace(
            model=recipe.model.replace("likelihood", "discretized_logistic")
        )
        return recipe, dataset.noting(
            f"{words.capitalize()}: discretized logistic in place of Bernoulli."
        )
    if "image_shape" in options and options.get("num_categories") == 2:
        if "model.num_categories" in given:
            return recipe, dataset
        recipe = _without_binarizing(recipe)
        recipe = recipe.replace(
            model=recipe.model.replace("num_categories", _LEVELS),
            transforms=(
                *recipe.data.transforms,
                Factory(quantize, num_levels=_LEVELS),
            ),
        )
        return recipe, dataset.noting(
            f"{words.capitalize()}: {_LEVELS} levels in place of 0 and 1."
        )
    binarizing = [t for t in recipe.data.transforms if _binarizes(t)]
    if binarizing:
        how = "drawn as 0 or 1"
        if _target(binarizing[0]) is threshold:
            level = binarizing[0].arguments.get("level", 0.5)
            how = f"1 above {level}, else 0"
        return recipe, dataset.noting(
            f"This model learns 0 and 1: {words.split()[0]} become {how}."
        )
    return _levels(recipe, dataset, x)


def _real_vectors(recipe, dataset, x):
    """Leaves real numbers as they are, for the models that learn such."""
    transforms = recipe.data.transforms
    if any(_binarizes(t) for t in transforms):
        raise ValueError(
            f"This recipe learns 0 and 1, but values of {dataset.name!r} are "
            f"real numbers, from {x.min():g} to {x.max():g}. `python -m "
            f"training train rnade --data {shlex.quote(dataset.name)}` learns "
            "their density; or store where they are above a threshold, as 0 "
            "and 1."
        )
    if (x == np.round(x)).all():
        dataset = dataset.noting(
            "Values are whole numbers: their density has no highest value. "
            "Add uniform noise from [0, 1) before you compare likelihoods."
        )
    constant = np.flatnonzero((x == x[0]).all(0))
    if len(constant):
        dataset = dataset.noting(
            f"Columns that do not vary: {len(constant)}, the first is "
            f"{constant[0]}. Their density has no highest value: leave them "
            "out before you compare likelihoods."
        )
    if "transforms" in recipe.replaced.given:
        return recipe, dataset
    transforms = [t for t in transforms if _target(t) is not dequantize]
    return recipe.replace(transforms=tuple(transforms)), dataset.noting(
        "Values are real numbers: left as they are."
    )


def _levels(recipe, dataset, x):
    """Spreads as many levels as there are; real values stay as they are."""
    spreading = [t for t in recipe.data.transforms if _target(t) is dequantize]
    if not spreading or "transforms" in recipe.replaced.given:
        return recipe, dataset
    num_levels = next(
        (n for n in (17, 33, 65, _LEVELS) if _is_whole(x, n)), None
    )
    if num_levels == spreading[0].arguments["num_levels"]:
        return recipe, dataset
    transforms = tuple(
        t.replace("num_levels", num_levels) if t is spreading[0] else t
        for t in recipe.data.transforms
        if num_levels or t is not spreading[0]
    )
    words = "Values are real numbers: left as they are."
    if num_levels:
        words = f"{num_levels} levels are spread out."
    return recipe.replace(transforms=transforms), dataset.noting(words)


def _binary(recipe, dataset):
    """Bits need no spreading over the levels of grey pixels."""
    transforms = tuple(
        t.replace("num_levels", 2) if _target(t) is dequantize else t
        for t in recipe.data.transforms
    )
    return recipe.replace(transforms=transforms), dataset


def _vectors(recipe, dataset):
    """Flattens images for models of vectors, whatever the recipe had."""
    parameters = recipe.model.parameters()
    is_flat = "input_dim" in parameters and "image_shape" not in parameters
    transforms = recipe.data.transforms
    if dataset.kind != "images" or not is_flat:
        return recipe, dataset
    if not any(_target(t) is flatten for t in transforms):
        transforms = (*transforms, Factory(flatten))
    size = math.prod(dataset.element_shape)
    if size > _LONGEST_VECTOR:
        height, width, _ = dataset.element_shape
        shrink = math.sqrt(_LONGEST_VECTOR / size)
        sides = (int(height * shrink), int(width * shrink))
        transforms = (Factory(resize, size=sides), *transforms)
        dataset = dataset.noting(
            f"Images are resized from {height}x{width} to "
            f"{sides[0]}x{sides[1]}: of vectors of {size:,} values this model "
            "would draw one value at a time; `vae` takes them whole."
        )
    return recipe.replace(transforms=transforms), dataset


def _patches(recipe, dataset):
    """Larger patches of larger images: attention grows with their square."""
    size = recipe.model.arguments.get("patch_size")
    is_given = "model.patch_size" in recipe.replaced.given
    if dataset.kind != "images" or type(size) is not int or is_given:
        return recipe, dataset
    height, width, _ = dataset.element_shape
    scale = _downsampling(recipe.model.arguments)
    pixels = math.sqrt(height * width / _MOST_PATCHES)
    needed = math.ceil(pixels / scale)
    if needed <= size:
        return recipe, dataset
    model = recipe.model.replace("patch_size", needed)
    after, before = (f"{scale * n}x{scale * n}" for n in (needed, size))
    return recipe.replace(model=model), dataset.noting(
        f"Patches of {after} pixels in place of {before}: images have "
        f"{height}x{width}."
    )


def _sides(recipe, dataset):
    """Resizes images to sides that the model can halve, or cut into patches."""
    model = recipe.model
    if dataset.kind not in ("images", "captions"):
        return recipe, dataset
    # The data say it, not the recipe.
    recipe = recipe.replace(model=model.without("image_shape"))
    options = {**model.parameters(), **model.arguments}
    height, width, _ = dataset.element_shape
    parts = [stage for stage in recipe.stages if stage[0] != "init_from"]
    if parts:
        # Those that its first part takes.
        _, stage, preset, *overrides = parts[0]
        model = resolve(stage, preset, overrides).model
        options = {**model.parameters(), **model.arguments}
    name = getattr(model.target, "__name__", "")
    if name in ("DCGAN", "KeyPatchGAN", "TextToImageGAN"):
        power = round(math.log2(max(1.0, min(height, width) / 4)))
        side = min(_LARGEST_DCGAN, 4 * 2 ** max(1, power))
        sides = (side, side)
    elif name == "ProgressiveGAN":
        sides = (side_of(level_of(min(height, width))),) * 2
    else:
        sides = tuple(
            max(1, round(side / multiple)) * multiple
            for side, multiple in zip(
                (height, width), _multiples(name, options), strict=True
            )
        )
    if parts:
        multiples = _multiples(name, options)
        _check_places([s // m for s, m in zip(sides, multiples, strict=True)])
    if sides == (height, width):
        return recipe, dataset
    first = (Factory(resize, size=sides),)
    if sides[0] == sides[1] and height != width:
        first = (Factory(crop, size=sides[0]),)
    return recipe.replace(
        transforms=(*first, *recipe.data.transforms)
    ), dataset.noting(
        f"Images are resized from {height}x{width} to {sides[0]}x{sides[1]}, "
        "sides that this model takes."
    )


def _halvings(recipe, dataset):
    """As many layers of a discriminator as the sides of the data allow."""
    is_given = "model.num_halvings" in recipe.replaced.given
    if is_given or "num_halvings" not in recipe.model.arguments:
        return recipe, dataset
    model = recipe.model.without("num_halvings")
    return recipe.replace(model=model), dataset


def _check_places(grid):
    if math.prod(grid) > _MOST_PLACES:
        raise ValueError(
            f"Images become grids of {grid[0]}x{grid[1]} tokens, more than "
            f"{_MOST_PLACES} in all, each of which sees those before it. Make "
            "the images smaller: append `?size=32` to the source."
        )


def _multiples(name, options):
    """What divides the height and the width of a model's images."""
    if name == "InfoGAN":
        return 4, 4
    if name == "StarGAN":
        # Its discriminator reads labels from a map that is halved four times.
        return 16, 16
    if name == "DiscreteVAE":
        return (2 ** (len(options["filters"]) - 1),) * 2
    if name == "MultiScalePixelRNN":
        return (options["scale"],) * 2
    if name == "VAE":
        return (2 ** len(options["filters"]),) * 2
    if name in ("VisionTransformer", "contrastive_ranker"):
        size = options["patch_size"]
        sizes = size if isinstance(size, (tuple, list)) else (size, size)
        return tuple(_downsampling(options) * size for size in sizes)
    return 1, 1


def _downsampling(options):
    """Pixels of an image for one of the maps that patches are cut from."""
    stem = options.get("stem")
    return ResidualStem(**stem).downsampling if stem else 1


def _labels(recipe, dataset):
    """As many labels, and categories for them, as the classes have."""
    few = [t for t in recipe.data.transforms if _target(t) is few_labels]
    train = dataset.splits["train"]
    if not few or dataset.kind != "images" or dataset.num_classes is None:
        return recipe, dataset
    labels = as_array(train.map(lambda example: example["label"]))
    classes, counts = np.unique(labels, return_counts=True)
    wanted = few[0].arguments["num_labels"]
    each = min(max(1, wanted // len(classes)), int(counts.min()))
    transforms = tuple(
        t.replace("num_labels", each * len(classes)) if t is few[0] else t
        for t in recipe.data.transforms
    )
    if each * len(classes) != wanted:
        dataset = dataset.noting(
            f"{each * len(classes)} labels, {each} of each class, in place of "
            f"{wanted}."
        )
    model = recipe.model
    if "num_categories" in model.arguments:
        model = model.replace("num_categories", dataset.num_classes)
    return recipe.replace(transforms=transforms, model=model), dataset


def resized_shape(recipe, shape):
    """The shape of images after the transforms that resize them.

    Args:
        recipe: `Recipe`.
        shape: `(height, width, channels)`.
    """
    for transform in recipe.data.transforms:
        size = None
        if _target(transform) in (crop, resize):
            size = transform.arguments["size"]
        if size is not None:
            sides = size if isinstance(size, (tuple, list)) else (size, size)
            shape = (*sides, shape[2])
    return tuple(shape)


def _some(dataset):
    """Training inputs spread over the split, as one array."""
    train = dataset.splits["train"]
    step = max(1, dataset.size("train") // _JUDGED)
    return as_array(model_inputs(train.shard(step, 0)))


def _is_whole(x, num_levels):
    """Whether values are whole multiples of what is between two levels."""
    levels = x * (num_levels - 1)
    return bool(np.abs(levels - np.round(levels)).max() < _WHOLE * num_levels)


def _without_binarizing(recipe):
    transforms = tuple(t for t in recipe.data.transforms if not _binarizes(t))
    return recipe.replace(transforms=transforms, augment=None)


def _binarizes(transform):
    if _target(transform) is held_out:
        return _binarizes(transform.arguments["transform"])
    return _target(transform) in (threshold, bernoulli_binarize)


def _target(transform):
    """The function that a factory of a transform calls."""
    return transform.target if isinstance(transform, Factory) else transform


def _domains(recipe, dataset):
    """No loss of what stays as it is, where it has other channels.

    Raises:
        ValueError: if a translator does not take images of these sides.
    """
    if dataset.kind != "domains":
        return recipe, dataset
    shapes = dataset.element_shape.values()
    sides = [side for shape in shapes for side in shape[:2]]
    if any(side % 4 or side < 8 for side in sides):
        side = max(8, min(sides) // 4 * 4)
        raise ValueError(
            "Sides of images must be multiples of 4, from 8 on: "
            f"`--data {shlex.quote(f'{dataset.name}?size={side}')}` cuts and "
            f"resizes all to {side}x{side}. Received: {list(shapes)}"
        )
    channels = {shape[-1] for shape in shapes}
    options = {**recipe.model.parameters(), **recipe.model.arguments}
    given = "model.identity_weight" in recipe.replaced.given
    if len(channels) == 1 or given or not options.get("identity_weight"):
        return recipe, dataset
    recipe = recipe.replace(model=recipe.model.replace("identity_weight", 0.0))
    return recipe, dataset.noting(
        "One domain is grey, one has colors: no identity loss "
        "(`model.identity_weight`)."
    )


IMAGE_RULES = (
    _domains,
    _pixels,
    _vectors,
    _patches,
    _sides,
    _halvings,
    _labels,
)
