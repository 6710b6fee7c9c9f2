from training.markdown import fenced
from training.markdown import markdown_table


def test_bars_and_lines_in_cells_do_not_break_a_table():
    lines = markdown_table(["a", "b"], [["x | y", "one\ntwo"]]).splitlines()
    assert lines == ["| a | b |", "|---|---:|", r"| x \| y | one two |"]


def test_columns_are_aligned_as_asked():
    assert "|---|---:|---|" in markdown_table(["a", "b", "c"], [], "lrl")


def test_no_fence_in_a_text_ends_its_block():
    assert fenced("a") == "```text\na\n```"
    text = "code:\n```python\n1\n```\nand ````four````"
    lines = fenced(text, "text").splitlines()
    assert lines[0] == "`````text" and lines[-1] == "`````"
