"""Image files of many kinds, read by Pillow."""

import concurrent.futures
import contextlib
import os
import struct
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.notes import counted
from training.data.random_access import MEMORY_LIMIT

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif"),
)
KINDS = "PNG, JPEG, WebP, BMP, TIFF, GIF, PNM or AVIF"
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)


class ImageHeader(NamedTuple):
    """What the header of an image file says.

    Attributes:
        height: int, after the image is turned as its EXIF data say.
        width: int.
        channels: 1 for grey, 3 for any other.
        has_alpha: bool. Whether pixels may be transparent.
        is_turned: bool. Whether the EXIF data say that it must be turned.
        has_frames: bool. Whether more than one image is in the file.
    """

    height: int
    width: int
    channels: int
    has_alpha: bool
    is_turned: bool
    has_frames: bool


def read_header(path):
    """Reads the size of an image without its pixels.

    Args:
        path: `pathlib.Path` or str.

    Returns:
        `ImageHeader`.

    Raises:
        ValueError: if the file is no image, or its header is damaged.
    """
    with _opened(path) as image:
        width, height = image.size
        orientation = image.getexif().get(_ORIENTATION, 1)
        # Pillow turns a TIFF by itself.
        if orientation in _LYING and image.format != "TIFF":
            width, height = height, width
        return ImageHeader(
            height=height,
            width=width,
            channels=1 if _is_grey(image) else 3,
            has_alpha=image.has_transparency_data,
            is_turned=orientation in range(2, 9),
            has_frames=getattr(image, "n_frames", 1) > 1,
        )


def read_image(path, channels, size=None):
    """Reads the pixels of an image.

    It is turned as its EXIF data say; of several frames the first is read; 16
    bits become 8; transparent pixels become white.

    Args:
        path: `pathlib.Path` or str.
        channels: 1 (grey) or 3 (RGB).
        size: int, or None. Cuts out the center square and resizes it to
            `(size, size)`, without aliasing.

    Returns:
        uint8 `(height, width, channels)`.

    Raises:
        ValueError: if the file is no image, is damaged or cut short, or has
            pixels of 32 bits.
    """
    from PIL import Image
    from PIL import ImageOps

    with _opened(path) as image:
        if size is not None:
            # JPEG files are decoded small; twice the size loses nothing.
            shrink = max(1.0, min(image.size) / (2 * size))
            image.draft(None, tuple(int(side / shrink) for side in image.size))
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            levels = np.asarray(image).astype("uint32")
            image = Image.fromarray(((levels + 128) // 257).astype("uint8"))
        elif image.mode in ("I", "F"):
            raise ValueError("its pixels have 32 bits, not 8 or 16")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("L" if channels == 1 else "RGB")
        if size is not None:
            side = min(image.size)
            left, top = ((length - side) // 2 for length in image.size)
            image = image.crop((left, top, left + side, top + side))
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(image.height, image.width, channels)


def image_splits(rows, size, notes, remedy):
    """Reads the images of all splits.

    Sets that are kept in memory while they are trained on are decoded here at
    once; the images of larger ones when they are needed.

    Args:
        rows: dict of split name to a dict with `path`, a list, and arrays of
            as many rows that become entries of the examples.
        size: int, or None, as for `read_image`. Without it all must have one
            size.
        notes: list of str, to which is added what was done.
        remedy: str. The source that resizes images, for the error.

    Returns:
        dict of split name to `tf.data.Dataset` with `image`, and the
        `(height, width, channels)` of all images. Grey ones have one channel;
        if any has colour, all have three.

    Raises:
        ValueError: if a file is damaged, or sizes differ.
    """
    paths = [path for split in rows.values() for path in split["path"]]
    headers = _each(read_header, paths)
    channels = max(header.channels for header in headers)
    if size is None:
        _check_sizes(paths, headers, remedy)
        shape = (*headers[0][:2], channels)
    else:
        shape = (size, size, channels)
    for number, words in (
        (
            sum(header.channels < channels for header in headers),
            "without colour, given the three channels of the others",
        ),
        (
            sum(header.has_alpha for header in headers),
            "with an alpha channel: transparent pixels become white",
        ),
        (sum(h.is_turned for h in headers), "turned as their EXIF data say"),
        (sum(h.has_frames for h in headers), "of several frames: the first"),
    ):
        if number:
            notes.append(f"{counted(number, 'image')} {words}.")

    def read(path):
        return read_image(path, channels, size)

    fits = len(paths) * np.prod(shape) * 4 <= MEMORY_LIMIT
    make = _decoded if fits else _to_decode
    return {
        name: make(split, shape, read) for name, split in rows.items()
    }, shape


def _decoded(rows, shape, read):
    images = np.stack(_each(read, rows["path"]))
    others = {key: v for key, v in rows.items() if key != "path"}
    examples = image_examples(images)
    if not others:
        return examples
    others = tf.data.Dataset.from_tensor_slices(others)
    return tf.data.Dataset.zip(examples, others).map(lambda a, b: {**a, **b})


def _to_decode(rows, shape, read):
    rows = {**rows, "path": [os.fsencode(path) for path in rows["path"]]}

    def read_or_say(path):
        try:
            return read(os.fsdecode(path)), b""
        except ValueError as error:
            return np.zeros(shape, np.uint8), str(error).encode()

    def example(row):
        image, error = tf.numpy_function(
            read_or_say, [row["path"]], (tf.uint8, tf.string)
        )
        # An assertion reaches the user as its sentence, without a traceback.
        tf.debugging.Assert(tf.equal(error, ""), [error])
        others = {key: v for key, v in row.items() if key != "path"}
        pixels = tf.cast(tf.ensure_shape(image, shape), tf.float32) / 255.0
        return {"image": pixels, **others}

    return tf.data.Dataset.from_tensor_slices(rows).map(
        example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _each(read, paths):
    with concurrent.futures.ThreadPoolExecutor() as workers:
        return list(workers.map(read, paths))


def _check_sizes(paths, headers, remedy):
    height, width = headers[0][:2]
    odd = [i for i, h in enumerate(headers) if h[:2] != (height, width)]
    if odd:
        raise ValueError(
            f"All images must have one size, but {len(odd):,} of "
            f"{len(paths):,} differ from the first. {str(paths[0])!r} has "
            f"{height}x{width}, {str(paths[odd[0]])!r} has "
            f"{headers[odd[0]].height}x{headers[odd[0]].width}. Let them be "
            f"resized, for instance with {remedy}?size=64."
        )


@contextlib.contextmanager
def _opened(path):
    """Opens an image, and names its file in whatever goes wrong."""
    from PIL import Image

    try:
        # Pillow 13 maps a file that it opens by name into memory, and then
        # turns a lying TIFF wrongly.
        with open(path, "rb") as file, Image.open(file) as image:
            yield image
    except Image.UnidentifiedImageError as error:
        raise ValueError(
            f"{str(path)!r} is no image: its content is not {KINDS}. Replace "
            "or remove it."
        ) from error
    except (
        EOFError,
        IndexError,
        KeyError,
        OSError,
        RuntimeError,
        SyntaxError,  # what Pillow calls a broken PNG
        TypeError,
        ValueError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f"{str(path)!r} cannot be read as an image: {error}. Replace or "
            "remove it."
        ) from error


def _is_grey(image):
    if image.mode in ("P", "PA"):
        colors = np.array(image.getpalette()).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return image.mode.split(";")[0] in ("1", "L", "LA", "La", "I", "F")
