import pytest
import tensorflow as tf

from training.strategies import make_strategy


def test_one_device_is_one_replica():
    strategy = make_strategy("one_device")
    assert strategy is tf.distribute.get_strategy()
    assert make_strategy("auto").num_replicas_in_sync == 1


def test_names_the_strategies_there_are():
    with pytest.raises(ValueError, match="auto, one_device, mirrored"):
        make_strategy("many")
