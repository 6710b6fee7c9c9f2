import json

import numpy as np
import pytest

from training.__main__ import main
from training.evaluations.binary_uci import PAPER_NLL
from training.evaluations.binary_uci import paper_nll


def test_the_paper_of_a_set_is_found_by_its_file():
    number, source = paper_nll("npz:somewhere/dna.npz", "NADE")["nll"]
    assert number == 84.81
    assert "2015" in source
    assert paper_nll("npz:dna.npz", "MADE")["nll"][0] == 83.63
    assert all(set(row) == {"NADE", "MADE"} for row in PAPER_NLL.values())


@pytest.mark.parametrize("source", ["digits", "npz:my.npz", "images:dna"])
def test_other_data_have_no_paper(source):
    assert paper_nll(source, "NADE") == {}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["nade_uci", "made_uci"])
def test_a_report_stands_beside_the_paper(recipe, tmp_path, monkeypatch):
    """Adult's file is found below the data folder, its bits unpacked."""
    bits = np.random.default_rng(0).random((220, 123)) < 0.1
    packed = np.packbits(bits, axis=1)
    folder = tmp_path / "data" / "binary_uci"
    folder.mkdir(parents=True)
    parts = {"train": packed, "valid": packed[:20], "test": packed[:30]}
    np.savez(folder / "adult.npz", n_vars=123, **parts)
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path / "data"))
    run_dir = tmp_path / "run"
    command = ["train", recipe, "--preset", "paper", "--epochs", "1"]
    command += ["--xla", "off"]
    assert main([*command, "--run-dir", str(run_dir)]) == 0
    lines = (run_dir / "report.md").read_text().splitlines()
    (headline,) = (line for line in lines if "test NLL" in line)
    theirs = PAPER_NLL["adult"]["NADE" if recipe == "nade_uci" else "MADE"]
    assert f"| {theirs} |" in headline
    results = json.loads((run_dir / "results.json").read_text())
    assert results["num_test_examples"] == 30
