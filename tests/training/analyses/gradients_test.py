import csv
import json

import pytest

from training.__main__ import main


@pytest.mark.slow
def test_the_command_writes_figure_and_numbers(tmp_path, capsys):
    command = ["study", "gradients", "--output", str(tmp_path / "study")]
    command += ["--length", "14", "--units", "4", "--updates", "3"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    folder = tmp_path / "study"
    for suffix in ("png", "csv", "json", "md"):
        assert str(folder / f"gradients.{suffix}") in printed
    assert (folder / "gradients.png").read_bytes().startswith(b"\x89PNG")
    with open(folder / "gradients.csv") as file:
        rows = list(csv.DictReader(file))
    # Two stages, three cells, fourteen lags.
    assert len(rows) == 2 * 3 * 14
    assert {float(r["norm"]) for r in rows if r["lag"] == "0"} == {1.0}
    with open(folder / "clipping.csv") as file:
        rows = list(csv.DictReader(file))
    assert [r["run"] for r in rows] == ["not clipped"] * 3 + ["clipped"] * 3
    results = json.loads((folder / "gradients.json").read_text())
    for cells in results["contraction"].values():
        assert set(cells) == {"simple_rnn", "lstm", "gru"}
        assert all(0.0 < factor < 2.0 for factor in cells.values())
    clipped = results["clipping"]["clipped"]
    assert clipped["largest_applied_norm"] <= 1.0 + 1e-5
    assert clipped["first_norm"] > 1.0
    text = (folder / "gradients.md").read_text()
    assert "--length 14 --units 4 --updates 3" in text
    assert "gru, update gate" in text


def test_an_unknown_study_is_named(capsys):
    assert main(["study", "weights"]) == 2
    assert "There are: anomalies, gradients." in capsys.readouterr().err
