import numpy as np
import pytest


def column(read, cells, title="value"):
    lines = [f"n;{title}", *(f"x{i};{c}" for i, c in enumerate(cells))]
    return read("\n".join(lines))


@pytest.mark.parametrize(
    "cells, expected, said",
    [
        (["5%", "7.5 %", "-1%"], [5, 7.5, -1], "% is left out"),
        (["$5", "-$7.50", "$ 1"], [5, -7.5, 1], "$ is left out"),
        (
            ["5,50 \u20ac", "7,25 \u20ac", "1,00 \u20ac"],
            [5.5, 7.25, 1],
            "\u20ac",
        ),
        (["1 000", "12 345,5", "-9"], [1000, 12345.5, -9], "thousands"),
        (["1\u202f000", "2\u00a0500", "3"], [1000, 2500, 3], "thousands"),
        (["1'000.5", "12'345", "7"], [1000.5, 12345, 7], "thousands"),
        (["(5)", "7", "(1)"], [-5, 7, -1], "are negative"),
        (["\u22125", "7", "\u22121.5"], [-5, 7, -1.5], "minus sign"),
        (["TRUE", "false", "True"], [1, 0, 1], "true is read as 1"),
        (["yes", "", "no"], [1, np.nan, 0], "yes is read as 1"),
    ],
)
def test_signs_around_numbers_are_taken_off_and_said(
    read, cells, expected, said
):
    table = column(read, cells)
    np.testing.assert_array_equal(table.values[:, 0], expected)
    assert any(said in note for note in table.notes), table.notes


@pytest.mark.parametrize("cells", [["5%", "6", "7"], ["$5", "6", "7"]])
def test_signs_that_some_numbers_lack_are_an_error(read, cells):
    with pytest.raises(ValueError, match=r"line 2.*must be a number.*5"):
        column(read, cells)


def test_plain_numbers_are_not_talked_about(read):
    table = column(read, ["5", "-6.5", "7e3"])
    np.testing.assert_array_equal(table.values[:, 0], [5, -6.5, 7000])
    assert not any("'value'" in note for note in table.notes)


def test_columns_without_numbers_are_named_with_a_cell(read):
    with pytest.raises(ValueError, match=r"'value' left out.*as '5 kg'"):
        column(read, ["5 kg", "6 kg"])


def test_points_that_may_mark_thousands_are_said(read):
    table = column(read, ["1.037", "2.104", "12"])
    np.testing.assert_array_equal(table.values[:, 0], [1.037, 2.104, 12])
    assert any("as in 1.037. If they mark" in note for note in table.notes)
    table = column(read, ["1.037", "2.10", "12"])
    assert not any("mark thousands" in note for note in table.notes)
