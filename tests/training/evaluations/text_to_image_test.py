"""The report of images of captions, and both recipes from end to end."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_genseq.models import TextToImageGAN
from tests.conformance.instances import eagerly
from training.__main__ import main
from training.data import load_dataset
from training.data.captions import captioned
from training.evaluation import Evaluation
from training.evaluations import text_to_image
from training.recipes import find_recipe
from training.recipes import text_encoder
from training.run_folder import RunFolder

WORDS = ("left", "right")
ENCODER = {"filters": (4,), "text_dim": 4, "max_sequence_length": 12}


def write_halves(folder, with_classes):
    """Writes images with a bright half, and which half it is."""
    rng, lines = np.random.default_rng(0), []
    folder.mkdir()
    for i in range(40):
        pixels = rng.integers(0, 50, (8, 8))
        pixels[:, 4 * (i % 2) : 4 * (i % 2) + 4] += 200
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
        word = WORDS[i % 2]
        last = f"\t{word}" if with_classes else ""
        lines += [f"{i}.png\t{text}{last}" for text in (word, f"the {word}")]
    (folder / "captions.tsv").write_text("\n".join(lines))
    return f"captions:{folder}"


def small_model():
    keras.utils.set_random_seed(1)
    return TextToImageGAN(
        (8, 8, 1),
        text_encoder={"image_shape": (4,), **ENCODER},
        latent_dim=3,
        filters=2,
        discriminator_filters=2,
        style_encoder=True,
    )


def test_a_report_ranks_captions_and_shows_images(tmp_path, monkeypatch):
    source = write_halves(tmp_path / "halves", with_classes=True)
    model, dataset = small_model(), captioned()(load_dataset(source))
    evaluation = Evaluation(
        RunFolder(tmp_path / "run"),
        find_recipe("text2image").replace(data=source),
        model,
        dataset,
        ended=True,
    )

    def knows(x, captions):
        halves = np.asarray(x)[:, :, 4:].mean((1, 2, 3)) > 0.5
        right = [
            WORDS[int(half)] in caption
            for half, caption in zip(halves, captions, strict=True)
        ]
        return {"logits": np.array(right, float)}

    monkeypatch.setattr(model, "discriminate", knows)
    report = text_to_image.evaluate_text_to_image(evaluation)
    assert report.metrics["ranked_above_mismatch"] == 1.0
    assert report.metrics["ranked_above_nearest"] == 1.0
    assert 0.0 < report.metrics["style_error"] < 10.0
    names = {name: image for name, _, image in report.figures}
    assert names.keys() == {
        "captions_test_captions",
        "noise_interpolations",
        "caption_interpolations",
        "styles",
    }
    # The first column of the styles are the test images themselves.
    test = next(dataset.splits["test"].as_numpy_iterator())["image"]
    np.testing.assert_array_equal(names["styles"][1:57:7, 1:57:7], test)


def test_interpolations_end_where_they_should(monkeypatch):
    model = small_model()
    z = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    images = text_to_image.images_of(model, z, ["left", "right"])
    embeddings = np.array(model.text_encoder.encode(["left", "right"]))
    again = text_to_image.images_of(model, z, embeddings)
    np.testing.assert_array_equal(images, again)


def test_the_next_image_of_another_class_lends_its_caption():
    classes = np.array([0, 0, 1, 2, 2])
    found = [text_to_image._next_other(classes, i) for i in range(5)]
    assert found == [2, 2, 3, 0, 0]


def test_the_nearest_caption_of_another_class_is_in_other_words():
    z = np.array([[0.0], [0.0], [1.0], [3.0]])
    captions, classes = ["a", "a", "b", "c"], np.array([0, 1, 1, 2])
    found = text_to_image._nearest_others(z, captions, classes)
    np.testing.assert_array_equal(found, [2, 3, 0, 2])
    alike = text_to_image._nearest_others(z, ["a"] * 4, classes)
    assert alike is None


@pytest.mark.slow
def test_recipes_run_one_after_the_other_and_are_served(
    tmp_path, monkeypatch, capsys
):
    source = write_halves(tmp_path / "halves", with_classes=False)
    small = find_recipe("text_encoder")
    model = small.model.replace("image_filters", (2,))
    for name, value in ENCODER.items():
        model = model.replace(name, value)
    small = small.replace(model=model, steps=2)
    monkeypatch.setattr(text_encoder, "demo", lambda: small)
    run = tmp_path / "runs" / "gan"
    values = {
        "model.text_encoder": {"image_shape": (4,), **ENCODER},
        "model.filters": 2,
        "model.discriminator_filters": 2,
        "model.latent_dim": 3,
        "steps": 2,
    }
    command = ["train", "text2image", "--run-dir", str(run), "--data", source]
    command += ["--strategy", "one_device", "--set"]
    command += [f"{name}={value}" for name, value in values.items()]
    with eagerly():
        assert main(command) == 0
    assert "First, text_encoder" in capsys.readouterr().out
    encoder = keras.models.load_model(run / "text_encoder" / "model.keras")
    gan = keras.models.load_model(run / "model.keras")
    np.testing.assert_allclose(
        encoder.encode(["left"]), gan.text_encoder.encode(["left"]), rtol=1e-5
    )
    assert json.loads((run / "results.json").read_text())["style_error"] > 0.0
    with eagerly():
        assert main(["sample", str(run), "--prompt", "left"]) == 0
    assert (run / "samples.png").exists()
    assert main(["sample", str(run)]) != 0
    assert "--prompt" in capsys.readouterr().err
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "text2image")
    assert main(["query", served, "generate"]) == 0


def test_images_without_captions_are_refused(tmp_path, capsys):
    command = ["train", "text2image", "--run-dir", str(tmp_path / "run")]
    assert main([*command, "--data", "digits"]) != 0
    assert "learns captions" in capsys.readouterr().err
