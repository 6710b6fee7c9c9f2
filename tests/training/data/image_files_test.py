import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from training.data import image_files
from training.data.image_files import image_splits
from training.data.image_files import read_header
from training.data.image_files import read_image
from training.data.random_access import random_access

RNG = np.random.RandomState(0)
COLOR = RNG.randint(0, 256, (5, 7, 3)).astype("uint8")
GREY = RNG.randint(0, 256, (5, 7)).astype("uint8")


def _save(path, array, mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize(
    "suffix", [".png", ".bmp", ".tiff", ".webp", ".ppm", ".gif"]
)
def test_kinds_are_read_alike(tmp_path, suffix):
    options = {"lossless": True} if suffix == ".webp" else {}
    # A GIF has 256 colors at most: 35 pixels need no more.
    path = _save(tmp_path / f"x{suffix}", COLOR, **options)
    assert read_header(path)[:3] == (5, 7, 3)
    np.testing.assert_array_equal(read_image(path, 3), COLOR)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
def test_images_are_turned_as_exif_says(tmp_path, suffix, orientation):
    pixels = np.kron(GREY, np.ones((16, 16), "uint8"))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _save(tmp_path / f"x{suffix}", pixels, exif=exif)
    expected = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: np.rot90(pixels, -1),
        7: pixels[::-1, ::-1].T,
        8: np.rot90(pixels),
    }[orientation]
    header = read_header(path)
    assert header[:2] == expected.shape
    assert header.is_turned == (orientation > 1)
    read = read_image(path, 1)[..., 0]
    assert np.abs(np.int32(read) - expected).mean() < 3


@pytest.mark.parametrize(
    "mode, channels", [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("CMYK", 3)]
)
def test_modes_become_grey_or_color(tmp_path, mode, channels):
    path = _save(tmp_path / "x.tiff", COLOR, mode)
    assert read_header(path).channels == channels
    assert read_image(path, channels).shape == (5, 7, channels)


def test_a_palette_of_greys_is_grey(tmp_path):
    path = _save(tmp_path / "x.gif", GREY)
    assert Image.open(path).mode in ("L", "P")
    assert read_header(path).channels == 1
    np.testing.assert_array_equal(read_image(path, 1)[..., 0], GREY)


def test_sixteen_bits_become_eight(tmp_path):
    path = _save(tmp_path / "x.png", GREY.astype("uint16") * 257)
    assert read_header(path).channels == 1
    np.testing.assert_array_equal(read_image(path, 1)[..., 0], GREY)


def test_transparent_pixels_are_white(tmp_path):
    pixels = np.dstack([COLOR, np.where(GREY > 99, 255, 0).astype("uint8")])
    path = _save(tmp_path / "x.png", pixels)
    assert read_header(path).has_alpha
    expected = np.where(GREY[..., None] > 99, COLOR, 255)
    np.testing.assert_array_equal(read_image(path, 3), expected)


def test_the_first_frame_is_read(tmp_path):
    frames = [Image.fromarray(np.full_like(GREY, level)) for level in (9, 99)]
    path = tmp_path / "x.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read_header(path).has_frames
    assert (read_image(path, 1) == 9).all()


def test_bytes_behind_the_end_do_not_matter(tmp_path):
    path = _save(tmp_path / "x.jpg", COLOR)
    whole = read_image(path, 3)
    path.write_bytes(path.read_bytes() + bytes(20_000))
    np.testing.assert_array_equal(read_image(path, 3), whole)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp"])
def test_damage_is_named(tmp_path, suffix):
    pixels = RNG.randint(0, 256, (64, 64, 3)).astype("uint8")
    path = _save(tmp_path / f"x{suffix}", pixels)
    content = path.read_bytes()
    damages = [content[: len(content) // 2], content[:9], b""]
    if suffix == ".png":
        middle = len(content) // 2
        damages.append(content[:middle] + bytes(99) + content[middle + 99 :])
    for damaged in damages:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"x\{suffix}' (cannot|is no)"):
            read_image(path, 3)


def test_pixels_of_32_bits_are_refused(tmp_path):
    path = _save(tmp_path / "x.tiff", GREY.astype("float32"))
    with pytest.raises(ValueError, match="32 bits"):
        read_image(path, 1)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_large_images_are_resized_without_aliasing(tmp_path, suffix):
    pixels = np.indices((400, 300)).sum(0) % 2 * 255
    path = _save(tmp_path / f"x{suffix}", pixels.astype("uint8"))
    small = read_image(path, 3, size=10)
    assert small.shape == (10, 10, 3)
    assert np.abs(np.int32(small) - 127).max() <= 2


def test_sets_beyond_memory_are_decoded_when_needed(tmp_path, monkeypatch):
    # One name is no UTF-8, as on disks that other systems wrote.
    names = [*(f"{i} \u732b\n.png" for i in (0, 1, 2)), "\udcff.png"]
    paths = [_save(tmp_path / name, COLOR + i) for i, name in enumerate(names)]
    rows = {"train": {"path": paths, "label": np.arange(4, dtype="int32")}}
    (kept,), shape = _splits(rows)
    monkeypatch.setattr(image_files, "MEMORY_LIMIT", 0)
    (read,), _ = _splits(rows)
    assert shape == (5, 7, 3) and kept.element_spec == read.element_spec
    for a, b in zip(kept, read, strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])
        assert a["label"] == b["label"]
    third = random_access(read, 4, memory_limit=0).one(tf.constant(2, tf.int64))
    np.testing.assert_array_equal(third["image"] * 255, COLOR + 2)
    paths[1].write_bytes(paths[1].read_bytes()[:60])
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"(?s)assertion failed: .*1 .*png.*cannot",
    ):
        list(read)


def _splits(rows):
    splits, shape = image_splits(rows, None, [], "images:DIR")
    return splits.values(), shape


def test_what_is_done_to_images_is_told(tmp_path):
    alpha = np.dstack([COLOR, GREY])
    paths = [
        _save(tmp_path / "0.png", COLOR),
        _save(tmp_path / "1.png", GREY),
        _save(tmp_path / "2.png", alpha),
    ]
    notes = []
    image_splits({"train": {"path": paths}}, None, notes, "")
    assert notes == [
        "1 image without colour, given the three channels of the others.",
        "1 image with an alpha channel: transparent pixels become white.",
    ]
