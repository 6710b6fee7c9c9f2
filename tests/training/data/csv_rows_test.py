import pytest

from training.data.csv_rows import csv_rows


def test_rows_have_the_number_of_their_last_line():
    lines = ['a,"b, c"\n', '"d\n', 'e",f\n', f"{'x' * 200_000},y\n"]
    rows = list(csv_rows(lines, ",", "x.csv"))
    assert rows[:2] == [(1, ["a", "b, c"]), (3, ["d\ne", "f"])]
    assert len(rows[2][1][0]) == 200_000


@pytest.mark.parametrize(
    "lines, first",
    [
        (["a,b\n", '"Hello,c\n', "d,e\n", "f,g\n"], 2),
        (["a,b\n", '"Hello,c\n', "d,e\n", 'end",g\n', '"x"y,z\n'], 5),
        (['"a" b,c\n'], 1),
    ],
)
def test_a_quote_that_is_not_closed_swallows_no_lines(lines, first):
    with pytest.raises(
        ValueError, match=rf"Line {first} of 'x\.csv' has a quo"
    ):
        list(csv_rows(lines, ",", "x.csv"))


def test_a_table_of_long_cells_is_read(read):
    table = read(f"words\tv\n{'x' * 140_000}\t5\n" + "y\t6\n" * 12)
    assert table.values[:, 0].tolist() == [5.0] + [6.0] * 12
