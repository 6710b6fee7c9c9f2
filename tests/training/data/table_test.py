import numpy as np
import pytest


@pytest.mark.parametrize(
    "last", ["Total,190", "Sum:,190", "average,9.5", "Summe,190"]
)
def test_a_last_line_of_totals_is_left_out(read, last):
    rows = "".join(f"2020-01-{i + 1:02d},{i}\n" for i in range(20))
    table = read("date,value\n" + rows + last + "\n")
    np.testing.assert_array_equal(table.values[:, 0], np.arange(20))
    assert table.times is not None
    assert any("Line 22 left out" in note for note in table.notes)


def test_a_kind_of_row_called_total_is_kept(read):
    rows = "".join(f"{('part', 'total')[i % 2]},{i}\n" for i in range(20))
    assert len(read("kind,value\n" + rows).values) == 20


@pytest.mark.parametrize(
    "titles", ["1990,1991,1992", "2020-01,2020-02,2020-03"]
)
def test_years_and_months_above_columns_are_titles(read, titles):
    rows = "".join(f"C{i},{i}.5,{i},{2 * i}\n" for i in range(12))
    table = read(f"country,{titles}\n" + rows)
    assert table.columns == titles.split(",")
    assert len(table.values) == 12


def test_evenly_rising_seconds_are_no_channel(read):
    rows = "".join(f"{i / 10:.1f},{i % 7}\n" for i in range(30))
    table = read("time,value\n" + rows)
    assert table.columns == ["value"]
    assert any("'time' left out" in note for note in table.notes)


@pytest.mark.parametrize(
    "mark", ["NA", "<NA>", "null", "-", "?", "\\N", ".", "#DIV/0!", "Missing"]
)
def test_marks_of_what_is_missing_are_gaps(read, mark):
    rows = "".join(f"{i},{mark if i == 4 else i % 5}\n" for i in range(12))
    table = read("a,b\n" + rows)
    assert np.isnan(table.values[:, 1]).tolist() == [i == 4 for i in range(12)]


def test_numbers_that_may_mark_what_is_missing_are_said(read):
    rows = "".join(f"{i % 5}.5,{-999 if i == 4 else i}\n" for i in range(12))
    assert any(
        "Column 'b' holds -999 (1 row)" in note
        for note in read("a,b\n" + rows).notes
    )


def test_no_two_columns_share_a_name(read):
    table = read("a #2,a,a\n" + "1.5,2.5,3.5\n" * 3)
    assert table.columns == ["a #2", "a", "a #3"]
