import datetime

import numpy as np
import pytest

DAYS = [
    datetime.date(1990, 1, 1) + datetime.timedelta(days=i) for i in range(30)
]
MONTHS = [datetime.date(1990 + i // 12, i % 12 + 1, 1) for i in range(30)]


def times_of(read, dates, title="date"):
    lines = [f"{title},value", *(f'"{d}",{i % 7}' for i, d in enumerate(dates))]
    return read("\n".join(lines))


@pytest.mark.parametrize(
    "style",
    [
        *("%B %d, %Y", "%A, %d %B %Y", "%a, %b %d %Y"),
        *("%Y%m%dT%H%M%S", "%Y%m%d %H:%M", "%Y%m%d"),
        *("%Y-%m-%dT00:00:00+02:00", "%a, %d %b %Y 00:00:00 GMT"),
    ],
)
def test_reads_days_as_they_are_written(read, style):
    table = times_of(read, [day.strftime(style) for day in DAYS])
    assert table.columns == ["value"]
    np.testing.assert_array_equal(table.times, np.array(DAYS, "datetime64[ns]"))


@pytest.mark.parametrize(
    "style", ["%m/%Y", "%YM%m", "%b-%y", "%B %y", "%b '%y", "%Y%m"]
)
def test_reads_months_as_they_are_written(read, style):
    table = times_of(read, [month.strftime(style) for month in MONTHS])
    assert table.columns == ["value"]
    np.testing.assert_array_equal(
        table.times, np.array(MONTHS, "datetime64[ns]")
    )


@pytest.mark.parametrize("style", ["Q{1} {0}", "{0} q{1}", "{0}-Q{1}"])
def test_reads_quarters_as_they_are_written(read, style):
    dates = [style.format(1990 + i // 4, i % 4 + 1) for i in range(30)]
    times = times_of(read, dates).times.astype("datetime64[M]")
    np.testing.assert_array_equal(
        times, np.datetime64("1990-01") + 3 * np.arange(30)
    )


def test_reads_weeks_that_begin_on_mondays(read):
    times = times_of(read, [f"2020-W{i + 1:02d}" for i in range(30)]).times
    np.testing.assert_array_equal(
        times.astype("datetime64[D]"),
        np.datetime64("2019-12-30") + 7 * np.arange(30),
    )


def test_years_of_two_digits_rise_through_the_pivot_of_strptime(read):
    months = [datetime.date(1960 + i // 12, i % 12 + 1, 1) for i in range(150)]
    table = times_of(read, [f"{month:%b-%y}" for month in months])
    assert str(table.times[0])[:7] == "1960-01"
    assert (np.diff(table.times) > np.timedelta64(0)).all()
    assert any("begin in 1960" in note for note in table.notes)


def test_days_and_years_as_workbooks_and_scientists_count_them(read):
    table = times_of(read, range(43831, 43861))
    assert str(table.times[0])[:10] == "2020-01-01"
    table = times_of(read, [1990 + i / 12 for i in range(30)], "year")
    assert str(table.times[6])[:7] == "1990-07"
    assert table.columns == ["value"]


@pytest.mark.parametrize("date", ["{:02d}011990", "{:d}. Januar 1990"])
def test_dates_that_are_not_understood_are_no_values(read, date):
    table = times_of(read, [date.format(i + 1) for i in range(30)])
    assert table.columns == ["value"] and table.times is None
    assert any("in the order of the file" in note for note in table.notes)


def test_several_time_zones_are_taken_in_utc(read):
    dates = [
        f"2020-03-{28 + i // 24} {i % 24:02d}:00:00+{1 if i < 26 else 2:02d}:00"
        for i in range(48)
        if i != 26
    ]
    table = times_of(read, dates)
    assert (np.diff(table.times) == np.timedelta64(1, "h")).all()
    assert any("taken in UTC" in note for note in table.notes)
