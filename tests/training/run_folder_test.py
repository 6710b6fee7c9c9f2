import json
import subprocess
import sys

import pytest

from training.recipes import find_recipe
from training.run_folder import RunFolder
from training.run_folder import shared_run


def config_of(name="nade"):
    return {"recipe": name, "recipe_values": find_recipe(name).describe()}


def test_a_run_from_before_modules_moved_goes_on(tmp_path):
    config = config_of()
    values = config["recipe_values"]
    old = {
        **values,
        "model": {
            **values["model"],
            "target": "keras_genseq.models.somewhere.nade.NADE",
        },
        "evaluate": "training.elsewhere.evaluate_density",
    }
    assert values["model"]["target"] == "NADE"
    run = RunFolder(tmp_path)
    run.write_config({**config, "recipe_values": old})
    run.write_config(config)
    assert run.read_config()["recipe_values"] == old


def test_another_class_of_the_same_numbers_is_refused(tmp_path):
    config = config_of()
    run = RunFolder(tmp_path)
    run.write_config(config)
    config["recipe_values"]["model"]["target"] = "MADE"
    with pytest.raises(ValueError, match=r'target: "NADE" -> "MADE"'):
        run.write_config(config)


def test_a_run_may_train_longer_but_not_shorter(tmp_path, capsys):
    run = RunFolder(tmp_path)
    recipe = find_recipe("nade")

    def config(**values):
        changed = recipe.replace(**values)
        return {"recipe": "nade", "recipe_values": changed.describe()}

    run.write_config(config(epochs=3))
    run.model.write_text("trained")
    run.write_config(config(epochs=3))
    assert run.model.exists() and not capsys.readouterr().out
    run.write_config(config(epochs=7))
    printed = capsys.readouterr().out
    assert "epochs: 3 -> 7" in printed
    assert "A learning rate that decays does so over all of it" in printed
    # Evaluations must not take the model of the shorter run for the last one.
    assert not run.model.exists()
    with pytest.raises(ValueError, match="epochs: 7 -> 3"):
        run.write_config(config(epochs=3))
    with pytest.raises(ValueError, match="seed: 0 -> 5"):
        run.write_config(config(epochs=9, seed=5))


def test_metrics_of_unlike_epochs_stand_in_one_table(tmp_path):
    run = RunFolder(tmp_path)
    run.write_metrics([{"epoch": 0, "a": 1.0}, {"epoch": 1, "b": 2.0}])
    assert run.metrics.read_text().split() == ["epoch,a,b", "0,1.0,", "1,,2.0"]


WHOLE = {
    "recipe": "nade",
    "preset": "demo",
    "command": "python -m training train nade",
    "overrides": ["epochs=1"],
}


@pytest.mark.parametrize(
    "change, words",
    [
        ("[]", "it holds a list"),
        ("{}", "'recipe' is None, no name"),
        ('{"recipe": "nade", "pre', "it is no JSON"),
        ({"overrides": 7}, "'overrides' is 7, no list of `path=value`"),
        ({"overrides": [7]}, r"'overrides' is \[7\], no list"),
        ({"preset": 7}, "'preset' is 7, no name"),
    ],
)
def test_a_damaged_configuration_is_told_in_a_sentence(tmp_path, change, words):
    text = change
    if isinstance(change, dict):
        text = json.dumps({**WHOLE, **change})
    run = RunFolder(tmp_path)
    run.config.write_text(text)
    with pytest.raises(ValueError, match=rf"config\.json is damaged: {words}"):
        run.read_resolved_config()


def test_what_is_told_of_a_recipe_may_change(tmp_path):
    run = RunFolder(tmp_path)
    values = {"epochs": 2, "cost": "not measured", "paper": {}}
    run.write_config({**WHOLE, "recipe_values": values})
    values |= {"cost": "two minutes", "paper": {"NLL": 1.0}}
    run.write_config({**WHOLE, "recipe_values": values})


def test_what_is_told_of_a_recipe_names_no_other_run(tmp_path):
    values = {"recipe": "classifier", "recipe_values": {"epochs": 2}}
    run = shared_run(RunFolder(tmp_path / "a"), values, "digits")
    values["recipe_values"] |= {"cost": "two minutes"}
    assert shared_run(RunFolder(tmp_path / "a"), values, "digits") == run


def test_what_a_desktop_leaves_is_no_phase(tmp_path):
    run = RunFolder(tmp_path)
    for name in ("2", ".DS_Store"):
        (tmp_path / "phases" / name).mkdir(parents=True)
    run.phase(2).model.write_text("")
    assert run.newest_phase == run.phase(2)


def test_a_whole_configuration_is_read(tmp_path):
    run = RunFolder(tmp_path)
    run.write_config(WHOLE)
    assert run.read_resolved_config()["recipe"] == "nade"


def holder(folder):
    """Another process that trains in a folder until it is killed."""
    folder.mkdir()
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'w'); "
        "fcntl.flock(file, fcntl.LOCK_EX); "
        "print('in', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / ".lock")],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"in\n"
    return process


def test_a_folder_in_use_is_refused_until_its_user_dies(tmp_path):
    run = RunFolder(tmp_path / "run")
    with holder(run.path) as process:
        before = sorted(run.path.iterdir())
        refused = pytest.raises(BlockingIOError, match="is in use: another pro")
        with refused, run.in_use():
            raise AssertionError
        assert sorted(run.path.iterdir()) == before
        process.kill()
    refused = pytest.raises(BlockingIOError, match="in use")
    with run.in_use(), refused, RunFolder(run.path).in_use():
        raise AssertionError
    # And afterwards it is free, and clean.
    with run.in_use():
        pass
    assert not list(run.path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    refused = pytest.raises(
        OSError, match=r"Could not write .*file/run.*A file stands"
    )
    with refused, RunFolder(tmp_path / "file" / "run").in_use():
        raise AssertionError


def test_runs_beside_each_other_share_what_has_the_same_numbers(tmp_path):
    config, source = config_of(), "images:my photos/"
    first = shared_run(RunFolder(tmp_path / "a"), config, source)
    assert first == shared_run(RunFolder(tmp_path / "b"), config, source)
    assert first.path.parent == tmp_path
    assert first.path.name.startswith("nade-images-my-photos-")
    longer = {**config, "recipe_values": {"epochs": 7}}
    assert shared_run(RunFolder(tmp_path / "a"), longer, source) != first
