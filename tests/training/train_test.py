"""What a run keeps of what it was told."""

import keras
import numpy as np
import pytest

from tests.training.data.service_test import Service
from training.checkpoints import CheckpointStore
from training.data import load_dataset
from training.overrides import override
from training.resolve import resolve_run
from training.train import train


def test_mixed_precision_ends_with_training(tmp_path):
    kept = {}
    for policy in ("float32", "mixed_bfloat16"):
        values = ["steps=4", "jit_compile=false", "steps_per_execution=1"]
        values += [f"dtype_policy={policy}"]
        recipe, config = resolve_run("gan", "demo", values)
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

    recipe, config = small(epochs=1)
    weights = []
    for name, load in (("once", load_dataset), ("again", loaded_after_draws)):
        monkeypatch.setattr("training.train.load_dataset", load)
        run = train(recipe, tmp_path / name, config=config)
        weights.append(keras.models.load_model(run.model).get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def small(**values):
    assignments = [f"{k}={v}" for k, v in values.items()]
    assignments += ["model.units=4", "jit_compile=false"]
    # In few operations: a trace of the scan takes longer than the training.
    assignments += ["model.implementation=full"]
    recipe, config = resolve_run("nade", "demo", assignments)
    # A constant picture: no sampler is compiled.
    return recipe.replace(picture=lambda model: np.zeros((2, 2, 1))), config


def weights_of(run):
    return keras.models.load_model(run.model).get_weights()


def assert_equal(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_phase_starts_from_the_model_before(tmp_path, capsys):
    recipe, config = small(epochs=1)
    phases = (("epochs=1",), ("epochs=2", "global_batch_size=64"))
    both = train(
        recipe.replace(phases=phases), tmp_path / "both", config=config
    )
    first = train(recipe, tmp_path / "first", config=config)
    assert_equal(weights_of(first), weights_of(both.phase(1)))
    second = recipe.replace(
        epochs=2, global_batch_size=64, init_from=str(first.path)
    )
    last = train(second, tmp_path / "second", config=config)
    assert_equal(weights_of(last), weights_of(both))
    header, *rows = both.metrics.read_text().splitlines()
    assert header.split(",")[0] == "epoch" and header.endswith("phase")
    assert [row.split(",")[0] for row in rows] == ["0", "1", "2"]


def test_a_broken_phase_goes_on_and_earlier_ones_stay(tmp_path, monkeypatch):
    recipe, config = small(epochs=1)
    recipe = recipe.replace(phases=(("epochs=1",), ("epochs=1", "seed=4")))
    whole = train(recipe, tmp_path / "whole", config=config)
    load = load_dataset
    loads = []

    def breaks_once(source):
        loads.append(source)
        if len(loads) == 2:
            raise KeyboardInterrupt
        return load(source)

    monkeypatch.setattr("training.train.load_dataset", breaks_once)
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train(recipe, broken, config=config)
    stamp = (broken / "phases/1/model.keras").stat().st_mtime_ns
    run = train(recipe, broken, config=config)
    assert (broken / "phases/1/model.keras").stat().st_mtime_ns == stamp
    assert len(loads) == 3
    assert_equal(weights_of(run), weights_of(whole))


def test_more_updates_go_on_where_fewer_ended(tmp_path, capsys):
    for folder, budgets in (("whole", (6,)), ("grown", (4, 6))):
        for steps in budgets:
            recipe, config = small(steps=steps)
            # Without a schedule that ends with the run.
            recipe = override(recipe, "optimizer.learning_rate=0.05")
            recipe = override(recipe, "global_batch_size=300")
            config["recipe_values"] = recipe.describe()
            run = train(recipe, tmp_path / folder, config=config)
    printed = capsys.readouterr().out
    assert "steps: 4 -> 6" in printed and "after update 4" in printed
    stores = [
        CheckpointStore(
            tmp_path / name / "checkpoints",
            keras.models.load_model(run.model).training_state,
        )
        for name in ("whole", "grown")
    ]
    assert stores[0].steps[-1] == stores[1].steps[-1] == 6
    assert_equal(weights_of(run), weights_of(type(run)(tmp_path / "whole")))


@pytest.mark.usefixtures("several_updates_at_once")
def test_the_last_update_may_lie_within_an_execution(tmp_path):
    weights = []
    for executed in (1, 4):
        for steps in (3, 6):
            recipe, config = small(
                steps=steps,
                steps_per_execution=executed,
                global_batch_size=300,
            )
            recipe = override(recipe, "optimizer.learning_rate=0.05")
            config["recipe_values"] = recipe.describe()
            run = train(recipe, tmp_path / str(executed), config=config)
            model = keras.models.load_model(run.model)
            assert int(model.optimizer.iterations) == steps
        weights.append(model.get_weights())
    assert_equal(*weights)


@pytest.mark.parametrize(
    "values",
    [{"data": "npz:gone.npz"}, {"global_batch_size": 9999}, {"data": "dates"}],
    ids=str,
)
def test_a_start_that_fails_leaves_no_folder(values, tmp_path):
    recipe, config = small(**values)
    with pytest.raises((ValueError, OSError)):
        train(recipe, tmp_path / "runs" / "run", config=config)
    assert not (tmp_path / "runs" / "run").exists()
    # A folder that was there stays, and holds no run.
    with pytest.raises((ValueError, OSError)):
        train(recipe, tmp_path, config=config)
    assert tmp_path.exists() and not (tmp_path / "config.json").exists()


def test_a_service_that_does_not_answer_is_told_before_anything(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("training.data.service._SECONDS", 0.5)
    recipe, config = small(epochs=1)
    with pytest.raises(OSError, match="No dispatcher of tf"):
        train(
            recipe,
            tmp_path / "run",
            config=config,
            data_service="127.0.0.1:9",
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_batches_of_a_service_train_the_same_run(tmp_path):
    recipe, config = small(steps=4, global_batch_size=300)
    with Service(1) as one:
        runs = [
            train(
                recipe,
                tmp_path / str(address),
                config=config,
                data_service=address,
            )
            for address in (None, one.address)
        ]
    assert_equal(*map(weights_of, runs))


class Killed(BaseException):
    """What nothing catches, as little as SIGKILL."""


def killed_after(updates, monkeypatch):
    """Lets the next run end with the first checkpoint after so many updates."""
    save = CheckpointStore.save

    def save_and_die(store, step, state):
        save(store, step, state)
        if step >= updates:
            raise Killed

    monkeypatch.setattr(CheckpointStore, "save", save_and_die)


PAIRS = np.random.default_rng(0).integers(1, [9, 6], (10, 2)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("steps, executions", PAIRS)
@pytest.mark.usefixtures("several_updates_at_once")
def test_a_killed_run_is_a_whole_one_whatever_an_execution(
    steps, executions, tmp_path, monkeypatch
):
    monkeypatch.setattr("training.train.rehearse", lambda *_: None)
    rng = np.random.default_rng([steps, executions])
    # The last batch of an epoch is left out where it is not full.
    x = (rng.random((8 * steps + 3, 5)) > 0.5).astype("float32")
    np.savez(tmp_path / "x.npz", x_train=x, x_valid=x[:5], x_test=x[:5])
    recipe, config = small(
        data=f"npz:{tmp_path / 'x.npz'}",
        epochs=3,
        global_batch_size=8,
        checkpoint_every=1,
        # Else an epoch is as long as on the recipe's own data.
        passes_per_epoch=1,
    )
    compiled = {**recipe.compile, "steps_per_execution": executions}
    recipe = recipe.replace(transforms=(), compile=compiled)
    whole = train(recipe, tmp_path / "whole", config=config)
    path = tmp_path / "killed"
    kills = sorted(rng.integers(1, 3 * steps, 2).tolist())
    for updates in kills:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            killed_after(updates, patch)
            train(recipe, path, config=config)
    again = train(recipe, path, config=config)
    stores = [
        CheckpointStore(
            run.checkpoints, keras.models.load_model(run.model).training_state
        )
        for run in (whole, again)
    ]
    assert stores[0].steps[-1] == stores[1].steps[-1] == 3 * steps
    assert_equal(weights_of(whole), weights_of(again))
    assert whole.metrics.read_text() == again.metrics.read_text()
