import numpy as np
import pytest

from keras_genseq.models.base.data_units import DataUnits


def test_units_are_taken_off_and_put_on_again():
    units = DataUnits([20.0, -3.0], [5.0, 0.5], 2)
    z = units.standardized(np.array([[30.0, -3.5]]))
    np.testing.assert_allclose(z, [[2.0, -1.0]])
    np.testing.assert_allclose(units.in_units(z), [[30.0, -3.5]])
    np.testing.assert_allclose(
        units.log_scale_in_units(np.zeros(2)), np.log([5.0, 0.5])
    )
    assert units.get_config() == {
        "data_mean": [20.0, -3.0],
        "data_scale": [5.0, 0.5],
    }
    x = np.array([1e8])
    unknown = DataUnits(None, None, None)
    assert unknown.standardized(x) is x and unknown.in_units(x) is x
    assert set(unknown.get_config().values()) == {None}


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((1.0, None, None), "belong together"),
        ((1.0, 0.0, None), "must be positive"),
        (([1.0, 2.0], 1.0, None), "`data_mean` must be a finite number. "),
        ((0.0, [1.0, 2.0], 3), "`data_scale` must be a finite number, or 3 of"),
        ((np.nan, 1.0, None), "must be a finite number"),
    ],
    ids=str,
)
def test_units_that_are_none_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        DataUnits(*arguments)
