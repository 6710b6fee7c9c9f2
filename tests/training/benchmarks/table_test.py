import pytest

from training.benchmarks.table import timing_table
from training.benchmarks.table import write_section
from training.benchmarks.timing import Timing

TIMINGS = {
    "ours": Timing(
        "ours", 2.0, ((0.1, 0.1, 9.0), (0.2,), (0.15,)), alone=(0.12, 0.153)
    ),
    "peer": Timing("peer", 0.5, ((0.3,), (0.3,), (1.8,))),
    "slow": Timing("slow", 12.0, ((12.0,),)),
}


def test_table():
    assert timing_table(TIMINGS, "ours").splitlines() == [
        "| candidate | median ms | medians of blocks ms | ratio to ours "
        "| first call s |",
        "|---|---:|---:|---:|---:|",
        "| ours | 150 | 100-200 | 1.00 | 2.00 |",
        "| peer | 300 | 300-1,800 | 2.00 | 0.50 |",
        "| slow | 12,000 | one run | 80.00 | 12.00 |",
        "",
        "Ours takes 0.50 of the fastest other, peer.",
        "",
        "A block alone: ours 136 ms (-9.0%).",
    ]


def test_ours_stand_beside_other_libraries():
    quick = {**TIMINGS, "ours, XLA": Timing("ours, XLA", 0.1, ((0.1,) * 2,))}
    assert "fastest other, ours, XLA." in timing_table(quick, "ours")
    theirs = {**quick, "PyTorch": Timing("PyTorch", 0.1, ((0.6,) * 2,))}
    assert "0.25 of the fastest other, PyTorch." in timing_table(theirs, "ours")


def test_table_with_rates():
    lines = timing_table(TIMINGS, "ours", work=6, unit="samples").splitlines()
    assert "| samples/s |" in lines[0]
    assert lines[2] == "| ours | 150 | 100-200 | 40.0 | 1.00 | 2.00 |"
    assert lines[4].startswith("| slow | 12,000 | one run | 0.50 |")


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    path = tmp_path / "docs" / "benchmarks.md"
    write_section(path, "NADE", "old\n\n### Part\n\n1")
    write_section(path, "LSTM", "other")
    before = path.read_text()
    assert before.startswith("# Benchmarks\n")
    assert "### Part" in before
    write_section(path, "NADE", "new")
    after = path.read_text()
    assert after == before.replace("old\n\n### Part\n\n1", "new")
    assert after.index("## NADE") < after.index("## LSTM")


def test_text_around_sections_stays(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Mine\n\nWords.\n\n## GRU\n\ntable\n")
    write_section(path, "NADE", "new")
    assert path.read_text() == (
        "# Mine\n\nWords.\n\n## GRU\n\ntable\n\n## NADE\n\nnew\n"
    )


def test_a_section_within_a_section_is_refused(tmp_path):
    with pytest.raises(ValueError, match="heading of its own level"):
        write_section(tmp_path / "page.md", "NADE", "text\n## LSTM\ntext")
