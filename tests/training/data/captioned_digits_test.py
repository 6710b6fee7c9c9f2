import numpy as np
import pytest

from training.data.captioned_digits import NUM_SCENES
from training.data.captioned_digits import Scene
from training.data.captioned_digits import draw_scene
from training.data.captioned_digits import load_captioned_digits

SCENES = [Scene.of(label) for label in range(NUM_SCENES)]


@pytest.fixture(scope="module")
def dataset():
    return load_captioned_digits()


def test_labels_and_scenes_are_one_to_one():
    assert [scene.label for scene in SCENES] == list(range(NUM_SCENES))
    captions = [caption for scene in SCENES for caption in scene.captions]
    assert len(set(captions)) == 2 * NUM_SCENES


def test_words_of_a_scene():
    assert Scene(6, 2, 0).captions == (
        "two small sixes at the top left",
        "at the top left: two small sixes",
    )
    assert Scene(1, 1, 2).captions[0] == "a large one in the center"


def test_held_out_scenes_are_a_tenth_and_cover_every_word():
    held_out = [scene for scene in SCENES if scene.is_held_out]
    assert len(held_out) == 15
    for field, count in (("digit", 10), ("form", 3), ("place", 5)):
        assert len({getattr(scene, field) for scene in held_out}) == count


def test_a_scene_stands_where_its_words_say():
    digits = np.ones((2, 8, 8), np.float32)
    image = draw_scene(Scene(1, 2, 4), digits, (0, 0))[..., 0]
    assert image[24:, 16:].min() == 1.0
    assert image.sum() == 8 * 16
    image = draw_scene(Scene(1, 1, 2), digits, (-1, 1))[..., 0]
    assert image[7:23, 9:25].min() == 1.0
    assert image.sum() == 16 * 16


def test_splits_show_no_scene_that_is_held_out(dataset):
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [
        7782,
        500,
        500,
    ]
    for split in dataset.splits.values():
        for row in split.as_numpy_iterator():
            scene = Scene.of(row["label"])
            assert not scene.is_held_out
            said = [caption.decode() for caption in row["captions"]]
            assert said == list(scene.captions)
            assert row["image"].dtype == np.float32
            assert 0.5 < row["image"].max() <= 1.0


def test_two_loads_agree(dataset):
    rows = zip(
        dataset.splits["test"].take(50).as_numpy_iterator(),
        load_captioned_digits().splits["test"].as_numpy_iterator(),
        strict=False,
    )
    for one, other in rows:
        np.testing.assert_array_equal(one["image"], other["image"])
