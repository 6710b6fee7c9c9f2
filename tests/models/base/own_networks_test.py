import keras
import pytest

from keras_genseq.models.base.own_networks import check_network
from keras_genseq.models.base.own_networks import configs_of
from keras_genseq.models.base.own_networks import with_networks


def network():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def test_a_config_keeps_networks_and_what_is_none():
    own = network()
    config = configs_of({"encoder": own, "decoder": None})
    assert config["decoder"] is None
    config = {**config, "units": 3}
    made = with_networks(config, "encoder", "decoder", "critic")
    assert made["decoder"] is None and made["units"] == 3
    assert made.keys() == config.keys()
    assert made["encoder"].get_config() == own.get_config()
    assert isinstance(config["encoder"], dict)


def test_networks_that_are_made_stay():
    own = network()
    assert with_networks({"encoder": own}, "encoder") == {"encoder": own}


def test_names_what_is_wrong_with_a_network():
    check_network("encoder", network(), [2])
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    for own, found in ((network(), r"\(None, 2\)"), (unbuilt, r"\(\)")):
        with pytest.raises(
            ValueError,
            match=rf"`encoder` must be a built .*\(None, 5\).*{found}",
        ):
            check_network("encoder", own, (5,))
