"""What a run keeps of what it was told."""

import keras
import numpy as np

from training.checkpoints import CheckpointStore
from training.data import load_dataset
from training.train import resolve_run
from training.train import train


def test_mixed_precision_ends_with_training(tmp_path):
    kept = {}
    for policy in ("float32", "mixed_bfloat16"):
        recipe, config = resolve_run(
            "gan", "demo", ["steps=4", f"dtype_policy={policy}"]
        )
        run = train(recipe, tmp_path / policy, config=config)
        kept[policy] = keras.models.load_model(run.model)
    single, mixed = kept["float32"], kept["mixed_bfloat16"]
    assert keras.config.dtype_policy().name == "float32"
    assert {p.dtype_policy.name for p in mixed._flatten_layers()} == {"float32"}
    # Close to a run in float32, yet not it: the policy was in force.
    differences = [
        np.abs(np.subtract(a, b)).max()
        for a, b in zip(single.get_weights(), mixed.get_weights(), strict=True)
    ]
    assert 1e-6 < max(differences) < 0.02
    # The weights are those that training ended with, to the last bit.
    store = CheckpointStore(run.checkpoints, mixed.training_state)
    before = mixed.get_weights()
    store.restore()
    for a, b in zip(before, mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_do_not_depend_on_what_loading_drew(tmp_path, monkeypatch):
    def loaded_after_draws(source):
        keras.utils.set_random_seed(99)
        return load_dataset(source)

    recipe, config = resolve_run("nade", "demo", ["epochs=1"])
    weights = []
    for name, load in (("once", load_dataset), ("again", loaded_after_draws)):
        monkeypatch.setattr("training.train.load_dataset", load)
        run = train(recipe, tmp_path / name, config=config)
        weights.append(keras.models.load_model(run.model).get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
