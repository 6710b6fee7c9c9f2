import json

import keras
import numpy as np

from keras_genseq.models import VisionTransformer
from training.__main__ import main
from training.evaluations.vision_transformer import attention_distances

SMALL = [
    "--set",
    "jit_compile=false",
    "steps_per_execution=1",
    "model.num_layers=1",
    "model.hidden_dim=8",
    "passes_per_epoch=1",
]


def test_a_run_reports_where_the_model_looks(tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    command = ["train", "vit", "--strategy", "one_device", "--steps", "3"]
    assert main([*command, "--run-dir", str(first), *SMALL]) == 0
    results = json.loads((first / "results.json").read_text())
    assert 0.0 <= results["calibration_error"] <= 1.0
    assert np.shape(results["mean_attention_distances"]) == (1, 4)
    names = {path.stem for path in (first / "figures").glob("*.png")}
    assert {"rollout", "positions", "attention_distance"} <= names

    # Finer images, from the weights of the first run.
    larger = [*SMALL, "transforms.0.size=12", "--init-from", str(first)]
    assert main([*command, "--run-dir", str(second), *larger]) == 0
    assert "is (37, 8), was (17, 8), and was made" in capsys.readouterr().out
    model = keras.models.load_model(second / "model.keras")
    assert model.image_shape == (12, 12, 1)


def test_distances_leave_the_class_token_out():
    model = VisionTransformer(
        (8, 4, 1), 2, 3, num_layers=2, hidden_dim=8, num_heads=2
    )
    model.positions.embeddings.assign(0.0 * model.positions.embeddings)
    for block in model.blocks:
        kernel = block.self_attention.query_kernel
        kernel.assign(0.0 * kernel)
    x = np.random.default_rng(0).random((2, 8, 4, 1)).astype("float32")
    # Attention is uniform: the mean distance of all pairs of patches.
    places = [(2 * r, 2 * c) for r in range(4) for c in range(2)]
    pairs = [np.hypot(a - c, b - d) for a, b in places for c, d in places]
    np.testing.assert_allclose(
        attention_distances(model, x), np.mean(pairs), rtol=1e-4
    )
