import importlib

import pytest

from training import command_checks
from training.__main__ import main
from training.commands.runs import train
from training.data import sources


def test_all_sources_are_known_before_tensorflow_is():
    assert set(command_checks.EMBEDDED) == set(sources._EMBEDDED)
    assert set(command_checks.KINDS) == set(sources._LOADERS)


@pytest.mark.parametrize(
    "override",
    [
        "epochs=3",
        "data=digits",
        "data=npz:a.npz",
        "model.units=3",
        "schedule.epochs=3",
        "generator_optimizer.learning_rate=0.1",
        "jit_compile=false",
    ],
)
def test_what_there_is_passes(override):
    command_checks.check_train("gan", "demo", [override])


def test_a_run_of_nearly_that_name_is_offered(tmp_path):
    (tmp_path / "nade-demo-1").mkdir()
    (tmp_path / "nade-demo-1" / "config.json").write_text("{}")
    command_checks.check_run(tmp_path / "nade-demo-1")
    with pytest.raises(FileNotFoundError, match="mean `nade-demo-1`"):
        command_checks.check_run(tmp_path / "nade-demo-2")


def test_what_follows_from_the_source_is_no_value_to_set():
    with pytest.raises(ValueError, match="no value 'replaced'"):
        command_checks.check_train("gan", "demo", ["replaced=None"])


@pytest.mark.parametrize(
    "source, meant",
    [
        ("photos", "images:photos"),
        ("photo:photos?size=8", "images:photos[?]size=8"),
        ("temps.csv?gaps=fill", "series:temps.csv[?]gaps=fill"),
        ("/data/bits.npz", "npz:/data/bits.npz"),
        ("digitz", "digits"),
        ("text", "text:"),
    ],
)
def test_a_path_without_its_kind_is_offered_with_it(
    source, meant, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=f"Did you mean `{meant}`"):
        command_checks.check_source(source)


def test_a_value_of_the_model_is_offered_as_one():
    with pytest.raises(ValueError, match=r"`model.latent_dim`; .* list vae"):
        command_checks.check_train("vae", "demo", ["latent_dim=4"])


def test_the_help_of_data_names_all_sources():
    for name in (*command_checks.EMBEDDED, *command_checks.KINDS):
        assert name in train.__doc__, name


def test_switches_of_every_recipe_become_values(monkeypatch):
    heard = []

    def resolve_run(recipe, preset, overrides):
        heard.extend(overrides)
        raise ValueError("enough")

    # What takes the function for good has it before it is replaced.
    importlib.import_module("training.evaluate")
    monkeypatch.setattr("training.resolve.resolve_run", resolve_run)
    command = ["train", "gan", "--gradient-accumulation", "4", "--xla", "off"]
    command += ["--dtype-policy", "mixed_bfloat16", "--profile"]
    assert main([*command, "--scale-learning-rate"]) == 2
    assert heard[:3] == [
        "dtype_policy=mixed_bfloat16",
        "gradient_accumulation_steps=4",
        "jit_compile=False",
    ]
    assert heard[3].startswith("global_batch_size=") and len(heard) == 6


@pytest.mark.parametrize(
    "words, sentence",
    [
        (
            "--steps abc",
            "`--steps` must be an int, at least 1. Received: 'abc'",
        ),
        ("--steps -1", "`--steps` must be an int, at least 1. Received: '-1'"),
        ("--steps=1e3", "`--steps` must be an int, at least 1"),
        ("--epochs -2", "`--epochs` must be an int, at least 0"),
        ("--seed 1.5", "`--seed` must be an int, at least 0"),
        ("--devices 0", "`--devices` must be an int, at least 1"),
        ("--gradient-accumulation x", "must be an int, at least 1"),
        ("--steps 5 --epochs 2", "both say how long to train: give one"),
    ],
)
def test_numbers_of_options_are_checked_in_a_sentence(words, sentence, capsys):
    assert main(["train", "nade", *words.split()]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "option, ours",
    [
        ("--lr=0.1", "--set optimizer.learning_rate=0.1"),
        ("--batch_size", "--set global_batch_size=..."),
        ("--num-epochs", "--epochs ..."),
    ],
)
def test_options_of_other_programs_are_told_ours(option, ours, capsys):
    assert main(["train", "nade", option, "3"]) == 2
    assert f"Did you mean `{ours}`?" in capsys.readouterr().err
    assert main(["list", "nade"]) == 0
