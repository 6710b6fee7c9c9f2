"""Every promise of a layer, tested over the table."""

import functools
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import promises
from tests.conformance.instances import channels_first
from tests.conformance.table import LAYERS

CASES = pytest.mark.parametrize("name", LAYERS)
BATCH = 4


def called(layer, inputs, **kwargs):
    """Calls a layer; what it returns as a flat list."""
    return keras.tree.flatten(layer(*inputs, **kwargs))


@functools.lru_cache(maxsize=4)
def pair(name, **kwargs):
    """A layer and inputs that it was built on, shared by all promises."""
    case = LAYERS[name]
    keras.utils.set_random_seed(2)
    layer, inputs = case.make(**kwargs), case.inputs(BATCH)
    called(layer, inputs)
    return layer, inputs


def own_arguments(layer):
    """Arguments of the constructor, and of those it passes `*args` on to."""
    own = {}
    for parent in type(layer).__mro__:
        if "__init__" not in vars(parent):
            continue
        parameters = inspect.signature(parent.__init__).parameters.values()
        kinds = {p.kind for p in parameters}
        own |= {
            p.name: p.default
            for p in parameters
            if p.name != "self"
            and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            return own
    return own


@CASES
def test_the_row_makes_the_class_that_it_names(name):
    layer, _ = pair(name)
    assert type(layer).__name__ == name


@CASES
def test_computes_the_shape_of_its_output(name):
    layer, inputs = pair(name)
    outputs = called(layer, inputs)
    symbols = keras.tree.map_structure(
        lambda x: keras.KerasTensor(x.shape, str(x.dtype)), inputs
    )
    spec = keras.tree.flatten(layer.compute_output_spec(*symbols))
    assert [x.shape for x in spec] == [tuple(x.shape) for x in outputs]
    if len(inputs) == 1:
        computed = layer.compute_output_shape(inputs[0].shape)
        computed = [computed] if isinstance(computed[0], int) else computed
        assert list(map(tuple, computed)) == [tuple(x.shape) for x in outputs]


@CASES
def test_config_round_trip(name):
    layer, inputs = pair(name)
    config = layer.get_config()
    assert own_arguments(layer).keys() <= config.keys()
    again = type(layer).from_config(config)
    called(again, inputs)
    assert again.get_config() == config
    again.set_weights(layer.get_weights())
    for a, b in zip(called(layer, inputs), called(again, inputs), strict=True):
        np.testing.assert_array_equal(a, b)


@CASES
def test_a_word_is_no_flag(name):
    layer, _ = pair(name)
    promises.takes_no_word_for_a_flag(layer)


@CASES
def test_the_row_leaves_few_arguments_at_their_defaults(name):
    layer, _ = pair(name)
    config = layer.get_config()
    defaults = {
        k: v for k, v in own_arguments(layer).items() if v is not inspect._empty
    }
    changed = [k for k, v in defaults.items() if config[k] != v]
    assert len(changed) >= min(3, len(defaults)), changed


@CASES
@pytest.mark.parametrize(
    "policy", ["float32", "mixed_bfloat16", "mixed_float16"]
)
def test_keeps_to_the_dtype_policy(name, policy):
    layer, inputs = pair(name, dtype=policy)
    compute = keras.DTypePolicy(policy).compute_dtype
    reference, _ = pair(name)
    reference.set_weights(layer.get_weights())
    for a, b in zip(
        called(layer, inputs), called(reference, inputs), strict=True
    ):
        assert a.dtype == compute
        atol = 1e-6 if policy == "float32" else 0.05
        np.testing.assert_allclose(np.array(a, "float32"), b, atol=atol)
    assert all(w.dtype == "float32" for w in layer.trainable_weights)


@CASES
def test_whole_numbers_count_as_floats(name):
    layer, inputs = pair(name)
    whole = np.round(3.0 * np.asarray(inputs[0]))
    floats = called(layer, (whole.astype("float32"), *inputs[1:]))
    ints = called(layer, (whole.astype("int32"), *inputs[1:]))
    for a, b in zip(floats, ints, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@CASES
def test_no_rows_are_answered_by_none(name):
    layer, inputs = pair(name)
    outputs = called(layer, inputs)
    none = keras.tree.map_structure(
        lambda x: tf.constant(x[:0] if x.shape[0] == BATCH else x), inputs
    )
    with tf.GradientTape() as tape:
        found = called(layer, none)
        loss = sum(tf.reduce_sum(x) for x in found)
    assert [x.shape for x in found] == [(0, *x.shape[1:]) for x in outputs]
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert gradient is None or np.isfinite(gradient).all()


@CASES
def test_gradients_are_everywhere_and_finite(name):
    layer, inputs = pair(name)
    inputs = keras.tree.map_structure(tf.constant, inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = sum(
            tf.reduce_sum(tf.sin(x))
            for x in called(layer, inputs, training=True)
        )
    sources = [*layer.trainable_variables, *keras.tree.flatten(inputs)]
    for source, gradient in zip(
        sources, tape.gradient(loss, sources), strict=True
    ):
        assert gradient is not None, source
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


@CASES
def test_eager_graph_and_xla_agree(name):
    layer, inputs = pair(name)
    eager = called(layer, inputs)
    for jit in (False, True):
        compiled = tf.function(
            lambda *x: called(layer, x), jit_compile=jit, autograph=False
        )
        outputs = compiled(*keras.tree.map_structure(tf.constant, inputs))
        for a, b in zip(eager, outputs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@CASES
def test_keras_file_keeps_the_outputs(name, tmp_path):
    layer, inputs = pair(name)
    symbols = keras.tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=str(x.dtype)), inputs
    )
    model = keras.Model(keras.tree.flatten(symbols), layer(*symbols))
    model.save(tmp_path / "layer.keras")
    again = keras.models.load_model(tmp_path / "layer.keras")
    flat = keras.tree.flatten(inputs)
    flat = flat[0] if len(flat) == 1 else flat
    for a, b in zip(called(model, [flat]), called(again, [flat]), strict=True):
        np.testing.assert_array_equal(a, b)


@CASES
def test_the_format_of_images_is_that_of_its_config(name):
    layer, inputs = pair(name)
    expected = called(layer, inputs)
    with channels_first():
        again = type(layer).from_config(layer.get_config())
        called(again, inputs)
        again.set_weights(layer.get_weights())
        outputs = called(again, inputs)
    for a, b in zip(expected, outputs, strict=True):
        np.testing.assert_array_equal(a, b)


@CASES
def test_a_checkpoint_read_before_it_is_built_counts(name, tmp_path):
    layer, inputs = pair(name)
    outputs = called(layer, inputs)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "layer"))
    keras.utils.set_random_seed(7)
    again = LAYERS[name].make()
    status = tf.train.Checkpoint(layer=again).read(path)
    for a, b in zip(outputs, called(again, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    status.assert_consumed()


@pytest.mark.parametrize("name", [n for n, c in LAYERS.items() if c.masks])
def test_what_a_mask_hides_does_not_matter(name):
    layer, (x,) = pair(name)
    mask = np.random.default_rng(1).random(x.shape[:2]) < 0.6
    mask[:, 0] = True
    spoiled = np.where(mask[..., None], x, 9.0).astype("float32")
    outputs = called(layer, [x], mask=mask)
    for a, b in zip(outputs, called(layer, [spoiled], mask=mask), strict=True):
        np.testing.assert_array_equal(a, b)
    # Gaps in a table, say: no gradient may be of them.
    gaps = tf.constant(np.where(mask[..., None], x, np.nan).astype("float32"))
    with tf.GradientTape() as tape:
        found = called(layer, [gaps], mask=mask)
        loss = sum(tf.reduce_sum(x[mask] if x.ndim > 2 else x) for x in found)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.isfinite(gradient).all()
    unmasked = called(layer, [spoiled])
    assert any(
        np.abs(np.subtract(a, b)).max() > 1e-3
        for a, b in zip(outputs, unmasked, strict=True)
    )


def whole_numbers(config):
    """Those entries of a config that are an int, or several."""
    whole = {}
    for key, value in config.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if values and all(type(each) is int for each in values):
            whole[key] = value
    return whole


@CASES
def test_integers_of_numpy_count_as_ints(name):
    layer, inputs = pair(name)
    config = layer.get_config()
    if "seed" in config:
        config["seed"] = 3
    whole = {
        key: np.array(value) if np.ndim(value) else np.int64(value)
        for key, value in whole_numbers(config).items()
    }
    again = type(layer).from_config({**config, **whole})
    called(again, inputs)
    assert again.get_config() == config


@CASES
@pytest.mark.parametrize("wrong", [True, 2.5, "2"])
def test_an_int_that_is_none_is_refused_by_its_name(name, wrong):
    layer, _ = pair(name)
    config = layer.get_config()
    whole = {
        key: v for key, v in whole_numbers(config).items() if key != "axis"
    }
    if "seed" in config:
        whole["seed"] = 3
    for key, value in whole.items():
        bad = type(value)(wrong for _ in value) if np.ndim(value) else wrong
        with pytest.raises(ValueError, match=f"`{key}`"):
            type(layer)(**init_arguments(layer, {**config, key: bad}))


@CASES
def test_a_real_number_that_is_none_is_refused_by_its_name(name):
    layer, _ = pair(name)
    config = layer.get_config()
    for key in [key for key, value in config.items() if type(value) is float]:
        for wrong in ("0.5", float("nan"), -1.0, True):
            with pytest.raises(ValueError, match=f"`{key}`"):
                type(layer)(**init_arguments(layer, {**config, key: wrong}))


def init_arguments(layer, config):
    """A config as the constructor takes it: `from_config` rewords errors."""
    return {
        key: keras.saving.deserialize_keras_object(value)
        if isinstance(value, dict)
        else value
        for key, value in config.items()
    }
