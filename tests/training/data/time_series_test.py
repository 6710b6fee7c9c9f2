import datetime
import gzip

import numpy as np
import pytest

from training.data import load_dataset
from training.data.dataset import DataUnavailableError

DAYS = [
    datetime.datetime(2020, 1, 1) + datetime.timedelta(days=i)
    for i in range(20)
]


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, options="", name="table.csv"):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(content)
        return load_dataset(f"series:{tmp_path / name}{options}")

    return write_and_load


def values(dataset):
    splits = [dataset.splits[s] for s in ("train", "valid", "test")]
    return np.concatenate([next(s.as_numpy_iterator())["x"] for s in splits])


def table(titles, row, count=20):
    return "\n".join([titles, *(row(i) for i in range(count)), ""])


def test_columns_keep_their_names_and_float64_values(load):
    text = table("date,a,b", lambda i: f"{DAYS[i]:%Y-%m-%d},{1e8 + i / 8},{-i}")
    dataset = load(text)
    i = np.arange(20)
    np.testing.assert_array_equal(
        values(dataset), np.stack([1e8 + i / 8, -i], 1)
    )
    assert dataset.columns == ("a", "b") and dataset.season == 7
    np.testing.assert_array_equal(
        dataset.times, np.array(DAYS, "datetime64[ns]")
    )
    np.testing.assert_allclose(dataset.scale.mean, [1e8 + 6.5 / 8, -6.5])
    np.testing.assert_allclose(dataset.scale.deviation[1], i[:14].std())


@pytest.mark.parametrize(
    "delimiter, number, said",
    [
        (";", "10,{:03}", "decimal commas"),
        ("\t", "10,{:03}", "decimal commas"),
        (";", "1.010,{:03}", "decimal commas"),
        (",", "10.{:03}", ""),
        (",", '"1,010.{:03}"', "marks of thousands"),
        ("|", "10.{:03}", ""),
        (" ", "10.{:03}", ""),
    ],
)
def test_delimiters_and_decimals_are_found(load, delimiter, number, said):
    text = table(
        f"Datum{delimiter}Wert",
        lambda i: f"{DAYS[i]:%d.%m.%Y}{delimiter}{number.format(275 + i)}",
    )
    dataset = load(text)
    whole = 1010 if "010" in number else 10
    np.testing.assert_allclose(
        values(dataset)[:, 0], whole + (275 + np.arange(20)) / 1000, rtol=1e-15
    )
    assert any(said in note for note in dataset.notes) or not said
    assert dataset.season == 7


@pytest.mark.parametrize(
    "text, message",
    [
        (
            table("a,b", lambda i: f'"1,234",{i}'),
            "line 2, column 'a'.*decimals",
        ),
        (table("a;b", lambda i: f"{i},5;{i}.5"), "written alike.*'0,5'.*'0.5'"),
        (
            table("a,b", lambda i: f"1,{i if i - 3 else 'x'}"),
            "line 5, column 'b'",
        ),
        (table("a,b", lambda i: f"1,{i if i else 'inf'}"), "line 2.*finite"),
        (
            table("a,b", lambda i: "1,2,3" if i == 4 else "1,2"),
            "line 6.*3 cells",
        ),
        (table("d,v", lambda i: f"{DAYS[0]:%Y-%m-%d},{i}"), "lines 2 and 3"),
        (
            table("d,v", lambda i: f"{DAYS[i]:%Y-%m-%d},1" if i else "x y,1"),
            "line 2, column 'd', must be a date.*'x y'",
        ),
        (
            table("d,v", lambda i: f"{DAYS[i]:%d/%m/%Y},{i}", 12),
            None,
        ),
        (table("d,v", lambda i: f"0{i + 1}/02/2020,{i}", 9), None),
        (table("a", lambda i: "words"), "column of numbers"),
        (table("a,b", lambda i: "1,2", 3), "at least 10 rows.*Received: 3"),
        ("a,b\n", "no row below its titles"),
        ("<html>Not found</html>", "begins as HTML or XML does"),
        ('[{"a": 1}, {"a": 2}]', "begins as JSON does"),
    ],
)
def test_what_cannot_be_read_is_named(load, text, message):
    if message is None:
        message = "two ways|at least 10"
    with pytest.raises(ValueError, match=message):
        load(text)


def test_gaps_are_named_filled_or_dropped(load):
    text = table("temp,hum", lambda i: f"{'' if i in (0, 3) else i},{2 * i}")
    with pytest.raises(
        ValueError, match=r"gaps \(temp 2\).*line 2, column 'temp'.*gaps=fill"
    ):
        load(text)
    filled = load(text, "?gaps=fill")
    np.testing.assert_array_equal(values(filled)[:5, 0], [1, 1, 2, 3, 4])
    assert any("straight lines (temp 2)" in note for note in filled.notes)
    dropped = load(text, "?gaps=drop")
    np.testing.assert_array_equal(values(dropped)[:3, 1], [2, 4, 8])
    assert any("2 rows with gaps" in note for note in dropped.notes)
    with pytest.raises(ValueError, match="one of refuse, fill, drop"):
        load(text, "?gaps=guess")


def test_a_title_line_is_optional(load):
    dataset = load("\n\n" + "".join(f"{2 * i},{i / 4}\n\n" for i in range(20)))
    np.testing.assert_array_equal(values(dataset)[1], [2.0, 0.25])
    assert any("No title line" in note for note in dataset.notes)
    # Numbers are titles where a column of numbers without one begins the line.
    dataset = load(table(",0,1", lambda i: f"{i},{i / 2},{i / 4}"))
    np.testing.assert_array_equal(values(dataset)[1], [0.5, 0.25])
    assert dataset.columns == ("0", "1")


@pytest.mark.parametrize(
    "titles, row, season",
    [
        ("time,v", lambda i: f"{1600000000 + 3600 * i},{i}", 24),
        ("timestamp,v", lambda i: f"{1600000000000 + 900000 * i},{i}", 96),
        ("date,v", lambda i: f"20200{101 + i},{i}", 7),
        (
            "no,year,month,v",
            lambda i: f"{i},{2000 + i // 12},{i % 12 + 1},{i}",
            12,
        ),
        ("quarter,v", lambda i: f"{2000 + i // 4}Q{i % 4 + 1},{i}", 4),
        ("Date,Time,v", lambda i: f"30/01/2020,{i}:00,{i}", 24),
        ("d,v", lambda i: f"0{1 + i // 24}/01/2020 {i % 24}:00,{i}", 24),
        ("d,v", lambda i: f"2020-01-31T05:{i:02}:00+02:00,{i}", 1440),
        ("year,v", lambda i: f"{1950 + i},{i}", None),
        ("id,v", lambda i: f"{i + 1},{i}", None),
    ],
)
def test_columns_that_count_or_date_rows_are_no_channels(
    load, titles, row, season
):
    dataset = load(table(titles, row, 30 if "d,v" in titles[-3:] else 20))
    assert dataset.columns == ("v",)
    np.testing.assert_array_equal(values(dataset)[:3, 0], [0, 1, 2])
    assert dataset.season == season
    assert (dataset.times is None) == (titles == "id,v")


def test_days_and_months_are_told_apart_by_all_rows_together(load):
    def hours(i):
        return f"0{1 + i // 24}/01/2020 {i % 24}:00,{i}"

    dataset = load(table("d,v", hours, 30))
    assert dataset.times[-1] == np.datetime64("2020-01-02T05:00")
    assert any("with the day first" in note for note in dataset.notes)
    dataset = load(table("d,v", lambda i: f"{DAYS[i]:%m/%d/%Y},{i}"))
    assert dataset.times[-1] == np.datetime64("2020-01-20")


def test_titles_may_be_numbers(load):
    dataset = load(
        table("day,2019,2020", lambda i: f"{DAYS[i]:%d.%m.%y},{i},2")
    )
    assert dataset.columns == ("2019", "2020")
    assert len(dataset.times) == 20


def test_rows_are_sorted_in_time_and_leaps_are_told(load):
    text = table("d,v", lambda i: f"{DAYS[19 - i]:%Y-%m-%d},{19 - i}")
    dataset = load(text)
    assert (np.diff(values(dataset)[:, 0]) == 1).all()
    assert any("sorted by their dates" in note for note in dataset.notes)
    leap = text.replace("2020-01-20", "2020-03-20")
    assert any("the first after 2020-01-19" in n for n in load(leap).notes)
    working = [day for day in DAYS if day.weekday() < 5]
    text = table("d,v", lambda i: f"{working[i]:%Y-%m-%d},{i}", len(working))
    assert load(text).season == 5


def test_empty_rows_and_columns_of_words_are_told(load):
    dataset = load(table("a,b,", lambda i: f"{i},5 kg,") + ",,\n,,\n")
    assert dataset.columns == ("a",) and len(values(dataset)) == 20
    notes = " ".join(dataset.notes)
    assert "2 empty rows" in notes and "no numbers, as '5 kg'" in notes


@pytest.mark.parametrize(
    "name, content",
    [
        ("x.tsv", table("a\tb", lambda i: f"{i}\t2").encode()),
        (
            "x.csv.gz",
            gzip.compress(table("a,b", lambda i: f"{i},2").encode(), mtime=0),
        ),
        ("x.csv", table("a\tb", lambda i: f"{i}\t2").encode("utf-16")),
    ],
)
def test_other_files_of_tables_are_read(load, name, content):
    assert load(content, name=name).columns == ("a", "b")


def test_home_and_the_shared_folder_are_looked_into(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    (tmp_path / "time_series").mkdir()
    text = table("a,b", lambda i: f"{i},2")
    (tmp_path / "mine.csv").write_text(text)
    (tmp_path / "time_series" / "known.csv").write_text(text)
    assert load_dataset("series:~/mine.csv").columns == ("a", "b")
    assert load_dataset("series:known").columns == ("a", "b")


def test_a_users_etth1_has_its_own_splits(load):
    dataset = load(table("OT", lambda i: f"{i}.5", 400), name="ETTh1.csv")
    lengths = [
        len(next(split.as_numpy_iterator())["x"])
        for split in dataset.splits.values()
    ]
    assert lengths == [280, 40, 80] and dataset.season is None


def test_a_constant_column_is_told(load):
    dataset = load(table("a,b", lambda i: f"{i},7.1"))
    assert dataset.scale.deviation[1] == 1.0
    assert any("'b' is constant" in note for note in dataset.notes)


def test_benchmark_rows_of_etth1(shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(shared_data))
    dataset = load_dataset("series:ETTh1")
    lengths = [
        next(split.as_numpy_iterator())["x"].shape
        for split in dataset.splits.values()
    ]
    assert lengths == [(8640, 7), (2880, 7), (2880, 7)]
    assert dataset.season == 24 and len(dataset.times) == 14_400


def test_a_folder_is_no_series(tmp_path):
    with pytest.raises(DataUnavailableError, match="is a folder"):
        load_dataset(f"series:{tmp_path}")


def test_numbers_too_large_to_be_squared_are_named(load):
    with pytest.raises(ValueError, match=r"'b'.*larger unit"):
        load(table("a,b", lambda i: f"{i},{i}e300"))
