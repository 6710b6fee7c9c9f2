"""What a report says at its end."""

import re

import pytest

from training.resolve import resolve
from training.resolve import resolve_run
from training.run_folder import RunFolder
from training.verdict import Comparison
from training.verdict import longer_command
from training.verdict import next_steps
from training.verdict import verdict

BASELINES = {"the Markov chain of order 4": 1.63, "uniform": 4.2}


def falling(lowest, count=10):
    return [{"epoch": i, "val": abs(i + 1 - lowest)} for i in range(count)]


@pytest.mark.parametrize(
    "ours, history, words",
    [
        (1.5, falling(10), "1.5 nats; .* order 4, has 1.63: learned"),
        (2.59, falling(10), r"2.59 nats; .* has 1.63: undertrained. .*`go on`"),
        (2.59, falling(4), "nothing more after epoch 4 of 10. A smaller model"),
        (2.59, [], "no better than that"),
        # Of a series that never changes, say, all know everything.
        (1.63, falling(10), "has 1.63: as good as that, not better."),
    ],
)
def test_a_result_is_judged_beside_its_best_baseline(ours, history, words):
    said = verdict(Comparison(ours, "nats", BASELINES), history, "val", "go on")
    assert re.search(words, said)


@pytest.mark.parametrize(
    "ours, floor, words",
    [
        (1.0, 0.5, "1.5, floor 0.5: learned, 50% of the way from"),
        # Of few examples the floor may be above them.
        (1.0, 2.0, "floor 2: learned, 100% of the way"),
        (1.495, 0.5, "hardly better than that. Unless an alarm"),
        (2.0, 0.5, "no better than that. Unless an alarm .* with `go on`"),
    ],
)
def test_a_distance_is_judged_beside_its_floor_too(ours, floor, words):
    comparison = Comparison(ours, "apart", {"mean": 1.5}, ("floor", floor))
    assert re.search(words, verdict(comparison, [], None, "go on"))


def test_the_command_that_goes_on_only_grows(tmp_path):
    recipe, config = resolve_run("vae", "demo", ["epochs=3", "model.beta=2.0"])
    command = longer_command(config, tmp_path / "r", recipe)
    assert "--epochs 9 --run-dir" in command and "epochs=3" not in command
    assert "--set model.beta=2.0" in command
    recipe, config = resolve_run("vae", "demo", ["steps=5"])
    assert "--steps 15" in longer_command(config, "r", recipe)
    # Fitted to many images, it trained for fewer epochs than described.
    config["recipe_values"] = resolve("vae").describe()
    fewer = resolve("vae").replace(epochs=40)
    assert "--epochs 201" in longer_command(config, "r", fewer)


def test_the_end_names_what_to_do_with_a_run(tmp_path):
    run = RunFolder(tmp_path / "my run")
    lines = next_steps(run, can_sample=True, prompt="A farmer")
    assert [line.split()[0] for line in lines] == [
        "Report",
        "Samples",
        "Export",
        "TensorBoard",
    ]
    assert f"sample '{run.path}' --prompt 'A farmer'" in lines[1]
    run.path.mkdir()
    run.model.write_bytes(b"")
    lines = next_steps(run, can_sample=False)
    assert lines[-1].endswith(f'keras_genseq.load("{run.path}")')
    lines = next_steps(run, can_sample=False, can_forecast=True)
    assert f"forecast '{run.path}' --history" in lines[1]
    assert lines[-1].endswith(f'load("{run.path}").forecast(history, 7)')
    assert not any(line.startswith("Samples") for line in lines)
