import numpy as np
import pytest

from training.data.sentinels import sentinel_notes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "low, high, code",
    [
        *((1, 30, code) for code in (-99, -999, -9999, 999, 99999, 1e20)),
        *((0, 5000, code) for code in (-99, -999, -9999, 99999)),
        *((0.1, 11.9, code) for code in (-200, -32768, -1e30)),
        (-3, 3, -999),
        (0, 1, -99),
    ],
)
def test_a_number_far_outside_is_told(low, high, code):
    x = RNG.uniform(low, high, (40, 2))
    x[5, 0], x[6, 1] = np.nan, code
    x[9, 1] = code
    (note,) = sentinel_notes(x, ["a", "b"])
    assert note.startswith(f"Column 'b' holds {code:.9g} (2 rows), far outside")
    assert "leave those cells empty" in note


def test_several_codes_of_a_column_are_told():
    x = RNG.uniform(1, 30, (40, 1))
    x[3], x[7] = -999, 9999
    (note,) = sentinel_notes(x, ["a"])
    assert "-999 (1 row), 9999 (1 row)" in note


@pytest.mark.parametrize(
    "x",
    [
        np.arange(90.0, 131.0),
        np.arange(0.0, 2000.0),
        2.0 ** np.arange(20),
        np.append(np.zeros(30), 1.0),
        np.full(30, 999.0),
        RNG.normal(size=1000),
        RNG.lognormal(size=1000),
        np.full(5, np.nan),
    ],
)
def test_usual_columns_are_not_spoken_of(x):
    assert sentinel_notes(x[:, None], ["a"]) == []
