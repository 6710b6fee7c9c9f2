"""A model is whole when it is made, and can be made again."""

import copy
import math
import pickle

import keras
import numpy as np
import pytest

from keras_genseq import models
from tests.conformance import promises
from tests.conformance.instances import built
from tests.conformance.instances import without_values
from tests.conformance.rows import GAMES
from tests.conformance.rows import SLOW
from tests.conformance.rows import every
from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import TOYS
from tests.conformance.table import UNCONDITIONAL
from tests.conformance.table import class_of


@every(EVERY_MODEL)
def test_is_built_before_fit(case):
    model = built(case)
    assert model.built and model.count_params() > 0


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_a_row_makes_the_class_that_it_names(name):
    assert type(built(EVERY_MODEL[name])).__name__ == class_of(name)


@every(GAMES)
def test_a_row_names_all_groups(case):
    assert set(built(case).loss_names) == set(case.groups)


@every(EVERY_MODEL)
def test_config_round_trip(case):
    promises.keeps_its_config(built(case), case)


@every(UNCONDITIONAL)
def test_a_number_is_no_list_of_one(case):
    model = built(case)
    config = model.get_config()
    numbers = {name for name, value in config.items() if type(value) is int}
    # Several stop a text; domains are of one or several sets of labels.
    for name in numbers - {"stop_token_id", "num_domains"}:
        with pytest.raises(ValueError, match=name):
            type(model).from_config({**config, name: [config[name]]})


@every(EVERY_MODEL)
def test_a_word_is_no_flag(case):
    promises.takes_no_word_for_a_flag(built(case))


@every(UNCONDITIONAL)
def test_the_row_leaves_no_argument_at_its_default(case):
    promises.leaves_no_default(built(case), case)


PRESETS = [
    (name, preset_name)
    for name in UNCONDITIONAL
    for preset_name in getattr(models, name).presets
]


@pytest.mark.parametrize("name, preset_name", PRESETS)
def test_presets_have_as_many_parameters_as_they_say(name, preset_name):
    model_class = getattr(models, name)
    with without_values():
        model = model_class.from_preset(preset_name)
        count = sum(math.prod(w.shape) for w in model.trainable_weights)
    assert count == model_class.presets[preset_name].num_parameters


@pytest.mark.parametrize("name", UNCONDITIONAL)
def test_unknown_presets_are_refused(name):
    with pytest.raises(ValueError, match="has no preset 'nothing'"):
        getattr(models, name).from_preset("nothing")


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.deepcopy, id="deepcopy"),
        # The same in Keras, in another wrapping.
        pytest.param(pickled, id="pickle", marks=SLOW),
    ],
)
@every(EVERY_MODEL)
def test_a_copy_answers_alike(case, copied):
    promises.is_copied_whole(built(case), case, copied)


@every(EVERY_MODEL)
def test_a_fresh_instance_takes_weights_and_is_kept(case, tmp_path):
    promises.takes_weights_before_it_is_asked(built(case), case, tmp_path)


def takes_images(case):
    return any(np.ndim(x) == 4 for x in keras.tree.flatten(case.pair(1)))


# Toys leave the format to Keras, as a network of one's own does.
NETWORKS = {n: c for n, c in EVERY_MODEL.items() if n not in TOYS}


@every({n: c for n, c in NETWORKS.items() if takes_images(c)})
def test_channels_are_last_whatever_keras_is_told(case):
    promises.has_its_channels_last(built(case), case)


@every(EVERY_MODEL)
def test_a_summary_counts_all_weights(case):
    model, lines = built(case), []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    # The total counts optimizers, too, once there are any.
    count = sum(math.prod(w.shape) for w in model.trainable_weights)
    assert f"Trainable params: {count:,}" in "".join(lines)
