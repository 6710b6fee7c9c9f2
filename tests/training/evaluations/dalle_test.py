"""The recipe of DALL-E from end to end, on a user's few images."""

import json
import types

import keras
import numpy as np
import pytest
from PIL import Image

from keras_genseq.models import DALLE
from tests.conformance.instances import eagerly
from training.__main__ import main
from training.evaluations import dalle as evaluations
from training.report import Report
from training.resolve import as_kept
from training.resolve import resolve_run
from training.train import train

SMALL = (
    "model.hidden_dim=8",
    "model.num_heads=2",
    "model.num_layers=1",
    "jit_compile=false",
    "steps=3",
    "stages.0.3=model.num_tokens=6",
    "stages.0.4=model.filters=(4, 4, 4)",
    "stages.0.5=steps=3",
    "stages.0.6=model.embedding_dim=3",
    "stages.0.7=jit_compile=false",
    "stages.1=('ranker', 'contrastive_ranker', 'demo', 'steps=3', "
    "'model.hidden_dim=8', 'model.num_heads=2', 'model.num_layers=1', "
    "'jit_compile=false')",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Sixty dark or bright images of 10 x 9, two captions each."""
    folder = tmp_path_factory.mktemp("captions")
    lines, rng = [], np.random.default_rng(0)
    for i in range(60):
        word = ("dark", "bright")[i % 2]
        pixels = rng.integers(150 * (i % 2), 100 + 150 * (i % 2), (10, 9))
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
        lines += [f"{i}.png\ta {word} picture", f"{i}.png\tit is {word}"]
    (folder / "captions.tsv").write_text("\n".join(lines))
    return f"captions:{folder}"


def command(source, run_dir, *more):
    words = ["train", "dalle", "--data", source, "--run-dir", str(run_dir)]
    for assignment in (*SMALL, *more):
        words += ["--set", assignment]
    return words


@eagerly()
def test_both_stages_are_trained_and_reported(
    source, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("training.train.rehearse", lambda *_: None)
    run_dir = tmp_path / "run"
    assert main(command(source, run_dir)) == 0
    results = json.loads((run_dir / "results.json").read_text())
    assert 0.0 < results["test_image_nats"] < 3.0
    assert 1 <= results["tokens_in_use"] <= 6
    assert {f.name for f in (run_dir / "figures").iterdir()} == {
        "captions.png",
        "reconstructions.png",
        "curves.png",
    }
    printed = capsys.readouterr().out
    assert "Computing the tokens of 60 images" in printed
    assert f"sample {run_dir} --prompt 'a " in printed
    model = keras.models.load_model(run_dir / "model.keras")
    stage = keras.models.load_model(run_dir / "discrete_vae" / "model.keras")
    for a, b in zip(
        model.discrete_vae.get_weights(), stage.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    ranker = keras.models.load_model(
        run_dir / "contrastive_ranker" / "model.keras"
    )
    for a, b in zip(
        model.ranker.get_weights(), ranker.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    # 10 x 9 pixels become 8 x 8, a multiple of 4.
    assert model.image_shape == (8, 8, 1) and model.text_length == 3
    png = tmp_path / "bright.png"
    words = ["--prompt", "a bright picture", "--num-samples", "3"]
    assert main(["sample", str(run_dir), *words, "--output", str(png)]) == 0
    assert Image.open(png).width > 8


@pytest.mark.slow
@eagerly()
def test_a_killed_run_goes_on_in_its_second_stage(
    source, tmp_path, monkeypatch
):
    values = [f"data={source}", *SMALL, "picture=None"]
    recipe, config = resolve_run("dalle", "demo", values)
    monkeypatch.setattr("training.train.rehearse", lambda *_: None)
    whole = train(recipe, tmp_path / "whole", config=config)

    def stop(model, *_):
        if isinstance(model, DALLE):
            raise KeyboardInterrupt
        return as_kept(model, *_)

    # After all updates of the second stage, before it has left its model.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.train.as_kept", stop)
        train(recipe, tmp_path / "killed", config=config)
    first = tmp_path / "killed" / "discrete_vae" / "model.keras"
    written = first.stat().st_mtime_ns
    killed = train(recipe, tmp_path / "killed", config=config)
    assert first.stat().st_mtime_ns == written
    models = [keras.models.load_model(run.model) for run in (whole, killed)]
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_of_too_many_tokens_are_refused_before_training(tmp_path):
    for i in range(10):
        pixels = np.zeros((80, 80), "uint8")
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    lines = [f"{i}.png\tblack" for i in range(10)]
    (tmp_path / "captions.tsv").write_text("\n".join(lines))
    recipe, config = resolve_run("dalle", "demo", [f"data=captions:{tmp_path}"])
    with pytest.raises(ValueError, match="append `\\?size=32` to the source"):
        train(recipe, tmp_path / "run", config=config)
    assert not (tmp_path / "run").exists()


def test_the_best_of_several_is_reported_beside_one_sample(monkeypatch):
    """Of a model whose images are right where several are drawn."""

    def generate(captions, seed, best_of):
        return np.full((len(captions), 2, 2, 1), float(best_of > 1))

    def judged(judges, images, labels):
        right = float((np.asarray(images) == 1.0).mean())
        return {"digit": right, "all": right}

    model = types.SimpleNamespace(
        generate=lambda *args, **kwargs: keras.ops.convert_to_tensor(
            generate(*args, **kwargs)
        )
    )
    monkeypatch.setattr(
        evaluations,
        "caption_sets",
        lambda evaluation, count: {"test captions": (["a", "b"], [0, 1])},
    )
    monkeypatch.setattr(evaluations, "agreement", judged)
    report = Report(title="")
    evaluation = types.SimpleNamespace(model=model, judges={"digit": None})
    evaluations._best_of(report, evaluation)
    assert report.metrics == {
        "agreement_best_of_16_test_captions": 1.0,
        "agreement_one_sample_test_captions": 0.0,
    }
    ((name, best, _, remark),) = report.rows
    assert name == "agreement of the best of 16, test captions"
    assert best == "100.0%" and "one sample of each: 0.0%" in remark
