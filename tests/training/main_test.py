import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_genseq.export import publish
from tests.export.toy_model import toy_model
from training import train as train_module
from training.__main__ import main
from training.checkpoints import CheckpointStore
from training.listing import settable
from training.overrides import override
from training.recipes import find_recipe
from training.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a few updates, through the command line."""
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    command = ["train", "nade", "--run-dir", str(run_dir), "--epochs", "2"]
    command += ["--strategy", "one_device", "--seed", "3"]
    command += ["--set", "model.units=9", "global_batch_size=100"]
    command += ["--set", "optimizer.learning_rate=0.02"]
    # In few operations: a trace of the scan takes longer than the training.
    command += ["model.implementation=full"]
    assert main(command) == 0
    return RunFolder(run_dir)


def test_train_leaves_a_whole_run(run):
    config = run.read_config()
    assert config["overrides"] == [
        "epochs=2",
        "seed=3",
        "model.units=9",
        "global_batch_size=100",
        "optimizer.learning_rate=0.02",
        "model.implementation=full",
    ]
    assert config["recipe_values"]["model"]["units"] == 9
    assert config["command"].startswith("python -m training train nade")
    header, *rows = run.metrics.read_text().splitlines()
    assert "val_nll" in header and len(rows) == 2
    report = run.report.read_text()
    for words in ("test NLL, nats", "independent dimensions", "AUROC", "probe"):
        assert words in report
    for name in ("samples", "completions", "curves", "scores"):
        path = run.figures / f"{name}.png"
        assert f"figures/{name}.png" in report
        assert path.read_bytes().startswith(b"\x89PNG")
    events = list(run.logs.rglob("events*"))
    assert any(b"samples" in e.read_bytes() for e in events)
    results = json.loads(run.results.read_text())
    assert results["num_test_examples"] == 250
    assert 10.0 < results["test_nll"] < 64 * np.log(2.0)


def test_train_again_trains_no_further(run, capsys):
    before = run.metrics.read_text()
    command = run.read_config()["command"].split()[3:]
    command += ["--run-dir", str(run.path), "--strategy", "one_device"]
    assert main(command) == 0
    assert run.metrics.read_text() == before
    printed = capsys.readouterr().out
    assert "Epoch" not in printed and "Nothing is left to train" in printed


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_first_update_leaves_nothing(
    number, is_new, tmp_path, monkeypatch, capsys
):
    def told_to_stop(*_):
        assert (tmp_path / "run" / "config.json").exists()
        os.kill(os.getpid(), number)
        time.sleep(60)

    monkeypatch.setattr(train_module, "_data", told_to_stop)
    if not is_new:
        (tmp_path / "run").mkdir()
    former = signal.getsignal(signal.SIGTERM)
    command = ["train", "nade", "--run-dir", str(tmp_path / "run")]
    # A shell lets what it runs in the background ignore Ctrl-C.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(command) == 128 + number
    finally:
        signal.signal(signal.SIGINT, ctrl_c)
    assert signal.getsignal(signal.SIGTERM) == former
    error = capsys.readouterr().err
    assert error == (
        "\nStopped. Nothing was trained yet, and nothing of it is left "
        "behind.\n"
    )
    left = [path.name for path in tmp_path.rglob("*")]
    assert left == ([] if is_new else ["run"])


@pytest.mark.parametrize("words", ["Unable to allocate 9 PiB", ""])
def test_too_little_memory_is_told(words, monkeypatch, capsys):
    def fail(arguments):
        raise MemoryError(words)

    monkeypatch.setattr("training.command_checks.check_options", fail)
    assert main(["train", "nade"]) == 2
    error = capsys.readouterr().err
    assert error == f"Error: {words or 'There is not enough memory.'}\n"


def test_evaluates_the_weights_of_a_run_that_has_not_ended(
    run, tmp_path, capsys
):
    stopped = RunFolder(tmp_path / "stopped")
    shutil.copytree(run.path, stopped.path)
    for path in (stopped.model, stopped.results, stopped.report):
        path.unlink()
    assert main(["evaluate", str(stopped.path)]) == 0
    assert stopped.results.read_text() == run.results.read_text()
    assert "has not ended" in stopped.report.read_text()
    assert "has not ended" not in run.report.read_text()
    stopped.best_weights.unlink()
    capsys.readouterr()
    assert main(["evaluate", str(stopped.path)]) == 0
    steps = CheckpointStore(stopped.checkpoints, []).steps
    words = f"its last checkpoint, after update {steps[-1]}"
    assert words in capsys.readouterr().out
    nll = [
        json.loads(r.results.read_text())["test_nll"] for r in (run, stopped)
    ]
    np.testing.assert_allclose(*nll, rtol=0.05)
    shutil.rmtree(stopped.checkpoints)
    assert main(["evaluate", str(stopped.path)]) == 2


def test_sample_export_and_query_answer_from_the_run(run, tmp_path, capsys):
    samples = tmp_path / "samples.npy"
    assert main(["sample", str(run.path), "--output", str(samples)]) == 0
    assert np.load(samples).shape == (64, 64)
    output = tmp_path / "saved_models"
    for _ in range(2):
        assert main(["export", str(run.path), "--output", str(output)]) == 0
    card = json.loads((output / "nade" / "card.json").read_text())
    assert card["recipe"] == "nade" and "test_nll" in card["metrics"]
    found = {p.name for p in (output / "nade").iterdir()}
    assert found >= {"1", "2", "README.md"}
    knob = card["signatures"]["sample"]["inputs"]["temperature"]
    assert (knob["minimum"], knob["maximum"], knob["default"]) == (0, 100, 1)
    capsys.readouterr()
    for option, words in (
        ("--name=-rf", "must not begin with a dot or a dash"),
        ("--max-steps=0", "`max_steps` must be positive"),
        ("--weights=int8", "no trainable matrix of 1024"),
        ("--weights=int8 --litert", "for litert export again without"),
    ):
        command = ["export", str(run.path), "--output", str(output)]
        assert main([*command, *option.split()]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
    answer = tmp_path / "answer.npz"
    query = ["query", str(output / "nade"), "sample"]
    query += ["--input", "seed=[5,6]", "--input", "temperature=[1,1]"]
    assert main([*query, "--output", str(answer)]) == 0
    assert set(np.unique(np.load(answer)["x"])) == {0.0, 1.0}


def test_exports_what_has_ended_and_moves_labels(run, tmp_path, capsys):
    runs, output = tmp_path / "runs", str(tmp_path / "saved_models")
    for name in ("first", "second", "stopped"):
        shutil.copytree(run.path, runs / name)
    (runs / "stopped" / "model.keras").unlink()
    # Saved again it is another file than the first one's.
    model = keras.models.load_model(runs / "second" / "model.keras")
    model.save(runs / "second" / "model.keras")
    export_all = ["export", "--all", str(runs), "--output", output]
    assert main(export_all) == 0
    assert capsys.readouterr().out.count("Exported:") == 2
    assert main(export_all) == 0
    assert "second is" in capsys.readouterr().out
    folder = pathlib.Path(output) / "nade"
    versions = ["1", "2"]
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == versions
    moves = (
        (["--promote", "nade:1"], "version 1 is stable"),
        (["--promote", "nade"], "version 2 is stable"),
        (["--roll-back", "nade"], "version 1 is stable again"),
    )
    for move, words in moves:
        assert main(["export", *move, "--output", output]) == 0
        assert words in capsys.readouterr().out
    config = (pathlib.Path(output) / "models.config").read_text()
    assert 'version_labels { key: "stable" value: 1 }' in config
    (runs / "second" / "model.keras").write_bytes(b"damaged")
    assert main(export_all) == 2
    captured = capsys.readouterr()
    assert "1 of 2 runs could not be exported" in captured.err
    assert "first is" in captured.out
    for wrong in (
        [],
        ["--all", "--name", "x"],
        [str(run.path), "--promote", "nade"],
        ["--all", str(tmp_path / "none")],
        ["--promote", "nade:x"],
        ["--promote", "nade:9"],
        ["--roll-back", "nade"],
        [str(run.path), "--keep", "0"],
    ):
        assert main(["export", *wrong, "--output", output]) == 2


def test_list_prints_recipes_data_and_cost(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for words in ("nade:", "digits", "tfds:binarized_mnist", "cores"):
        assert words in printed


def test_list_tells_all_that_set_reaches_in_a_recipe(capsys):
    assert main(["list", "vae"]) == 0
    printed = capsys.readouterr().out
    assert "vae_mnist                      425,284 parameters" in printed
    assert "model.latent_dim = 8  (paper: 50)" in printed
    assert "optimizer.learning_rate.decay_steps = (from the data)" in printed
    assert "model.free_bits = 0.0" in printed
    recipe = find_recipe("vae")
    for path, value in settable(recipe):
        if isinstance(value, (int, float)):
            assert override(recipe, f"{path}={value}").values().keys()


@pytest.mark.parametrize(
    "command, message",
    [
        (["list", "vea"], "Did you mean `vae`"),
        (["train", "made_up"], "no recipe 'made_up'"),
        (["train", "nad"], "Did you mean `nade`"),
        (["train", "nade", "--preset", "papper"], "Did you mean `paper`"),
        (["train", "nade", "--set", "epoch=3"], "Did you mean `epochs`"),
        (["train", "nade", "--set", "model.unit=3"], "Did you mean `units`"),
        (["train", "nade", "--data", "npx:a"], "Did you mean `npz`"),
        (["train", "nade", "--set", "epochs=x"], "expects int"),
        (["train", "nade", "--data-service", "here"], "is `host:port`"),
        (["train", "nade", "--checkpoint-to", "a/b"], "is a URL, such as s3"),
        (["train", "nade", "--checkpoint-to", "no://b"], "Protocol not known"),
        (["train", "nade", "--data", "digitz"], "data source must be one of"),
        (["train", "nade", "--data", "npz:gone.npz"], "gone.npz"),
        (["train", "nade", "--set", "global_batch_size=9999"], "needs as many"),
        (["evaluate", "gone"], "is no run folder"),
        (["sample", "gone"], "is no run folder"),
        (["export", "gone"], "is no run folder"),
        (["query", "gone"], "gone"),
        (["benchmark", "made_up"], "made_up"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_expected_error_is_one_sentence(
    command, message, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not list(tmp_path.rglob("config.json"))


def run_command(command, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_typos_are_told_without_tensorflow(tmp_path):
    code = "import sys; from training.__main__ import main; main(sys.argv[1:])"
    code += "; print('tensorflow' in sys.modules)"
    for command in (
        ["train", "nad"],
        ["train", "nade", "--set", "epoch=3"],
        ["train", "nade", "--data", "digitz"],
        ["evaluate", "gone"],
    ):
        done = run_command(["-c", code, *command], tmp_path)
        assert done.stdout.strip() == "False", command
        assert done.stderr.startswith("Error: ")
    assert not list(tmp_path.iterdir())


def test_tensorflow_is_silent_unless_asked(tmp_path):
    command = ["-m", "training", "train", "nade", "--set"]
    command += ["global_batch_size=9999"]
    quiet = run_command(command, tmp_path)
    assert len(quiet.stderr.splitlines()) == 1
    assert quiet.stderr.startswith("Error: A batch of 9999 needs")
    loud = run_command([*command, "--verbose"], tmp_path)
    assert len(loud.stderr.splitlines()) > 3


def test_a_query_is_silent(tmp_path):
    publish(toy_model(0), tmp_path, "toy", card={})
    done = run_command(["-m", "training", "query", "toy"], tmp_path)
    assert done.returncode == 0 and done.stdout and not done.stderr


def test_a_stopped_evaluation_is_one_sentence(tmp_path, monkeypatch, capsys):
    def stop(run_dir):
        raise KeyboardInterrupt

    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("training.evaluate.evaluate", stop)
    assert main(["evaluate", str(tmp_path)]) == 130
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("Stopped. What was saved stays")


def test_names_a_value_that_is_no_category(tmp_path, capsys):
    x = np.zeros((40, 6), "float32")
    x[7, 2] = 0.5
    np.savez(tmp_path / "x.npz", train=x, valid=x[:9], test=x[:9])
    command = ["train", "nade", "--data", f"npz:{tmp_path / 'x.npz'}"]
    command += ["--run-dir", str(tmp_path / "run"), "--set"]
    command += ["transforms=()", "global_batch_size=8"]
    assert main([*command, "--strategy", "one_device"]) == 2
    assert "must hold only 0 and 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
