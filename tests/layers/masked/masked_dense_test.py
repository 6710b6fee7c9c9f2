import numpy as np
import pytest

from keras_genseq.layers import MaskedDense


def test_hidden_weights_do_not_count():
    layer = MaskedDense(2, input_degrees=[1, 2], output_degrees=[1, 2])
    layer.build((None, 2))
    layer.set_weights([np.float32([[2.0, 3.0], [5.0, 7.0]]), np.ones(2)])
    # The first unit does not see the second input.
    np.testing.assert_allclose(layer(np.float32([[10, 1]])), [[21.0, 38.0]])
    layer.strict = True
    np.testing.assert_allclose(layer(np.float32([[10, 1]])), [[1.0, 31.0]])


def test_degrees_of_the_call_replace_its_own():
    layer = MaskedDense(1, use_bias=False, kernel_initializer="ones")
    x = np.float32([[1.0, 10.0]])
    assert float(layer(x, degrees=([1, 2], [1]))[0, 0]) == 1.0
    assert float(layer(x, degrees=([2, 1], [1]))[0, 0]) == 10.0


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match="come together"):
        MaskedDense(2, input_degrees=[1])
    with pytest.raises(ValueError, match="one degree for each of 2 units"):
        MaskedDense(2, input_degrees=[1], output_degrees=[1])
    layer = MaskedDense(1, input_degrees=[1], output_degrees=[1])
    with pytest.raises(ValueError, match="`input_degrees` must have one"):
        layer(np.zeros((1, 2), "float32"))
    with pytest.raises(ValueError, match="needs `degrees=` in the call"):
        MaskedDense(1)(np.zeros((1, 2), "float32"))
