import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import Signature
from keras_genseq.export.serving_graph import resources_of
from keras_genseq.export.serving_graph import serving_signatures
from keras_genseq.export.serving_graph import trace


class Servable(keras.Model):
    def __init__(self, signatures):
        super().__init__()
        self.given = signatures
        self.built = True

    def serving_signatures(self):
        return self.given


def signature(function):
    return Signature(
        function,
        {"x": tf.TensorSpec((None, 2), "float32")},
        {"x": np.ones((1, 2), "float32")},
    )


def identity(x):
    return {"x": x}


@pytest.mark.parametrize(
    "names, default",
    [
        (["score", "sample", "classify"], "classify"),
        (["encode", "score", "sample"], "sample"),
        (["translate", "generate"], "generate"),
        (["score", "serving_default", "generate"], "serving_default"),
    ],
)
def test_the_default_is_the_first_that_applies(names, default):
    given = {name: signature(identity) for name in names}
    found = serving_signatures(Servable(given))
    assert found["serving_default"] is given[default]
    assert set(found) == {*names, "serving_default"}


def test_there_is_no_default_without_one_that_applies():
    found = serving_signatures(Servable({"encode": signature(identity)}))
    assert set(found) == {"encode"}


def test_traces_inputs_and_outputs_by_name():
    made = signature(lambda x: {"y": x + 1.0, "z": x})
    concrete, answer = trace("score", made)
    outputs = concrete(x=tf.zeros((3, 2)))
    assert set(outputs) == set(answer) == {"y", "z"}
    np.testing.assert_array_equal(outputs["y"], np.ones((3, 2)))
    np.testing.assert_array_equal(answer["z"], made.example["x"])


@tf.function(jit_compile=True)
def compiled(x):
    return x * 2.0


@tf.function
def calls_compiled(x):
    return compiled(x) + 1.0


def loops_over_compiled(x):
    return tf.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, compiled(x)), (0, x)
    )[1]


@pytest.mark.parametrize(
    "function", [compiled, calls_compiled, loops_over_compiled]
)
def test_refuses_what_xla_compiles_however_deep(function):
    with pytest.raises(ValueError, match=r"'sample'.*compiled by XLA"):
        trace("sample", signature(lambda x: {"x": function(x)}))


def test_refuses_python_at_serving_time():
    def in_loop(x):
        def body(row):
            return tf.numpy_function(np.sin, [row], tf.float32)

        return {"x": tf.map_fn(body, x)}

    def eager(x):
        return {"x": tf.py_function(lambda v: v, [x], tf.float32)}

    for function in (in_loop, eager):
        with pytest.raises(ValueError, match="'score' calls Python"):
            trace("score", signature(function))


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: x, "must return a dict of tensors"),
        (lambda x: {}, "must return a dict of tensors"),
        (lambda x: {"x": 1.0}, "must return a dict of tensors by name"),
        (lambda x: {0: x}, "must return a dict of tensors by name"),
    ],
)
def test_teaches_what_a_function_returns(function, message):
    with pytest.raises(ValueError, match=f"'score' {message}"):
        trace("score", signature(function))


def test_an_example_must_be_a_valid_request():
    def picky(x):
        tf.debugging.assert_less(x, 1.0, "`x` must be below 1.")
        return {"x": x}

    with pytest.raises(
        ValueError, match=r"'score' must be a valid(.|\n)*below"
    ):
        trace("score", signature(picky))


def test_finds_tables_in_models_closures_and_plain_objects():
    def table():
        initializer = tf.lookup.KeyValueTensorInitializer([1], [2])
        return tf.lookup.StaticHashTable(initializer, 0)

    class Tokenizer:
        def __init__(self):
            self.tables = {"ids": [table()]}

    model = Servable({})
    model.tokenizer = Tokenizer()
    closed_over = table()
    given = {"encode": signature(lambda x: {"x": closed_over.lookup(x)})}
    _, resources = resources_of(model, given)
    assert len(resources) == 2
    assert any(found is closed_over for found in resources)


@pytest.mark.parametrize(
    "model, message",
    [
        (keras.Sequential(), "must have a method `serving_signatures"),
        (Servable({}), "with at least one"),
        (Servable({"score": identity}), "dict of name to `Signature`"),
    ],
)
def test_teaches_what_a_model_offers(model, message):
    with pytest.raises(ValueError, match=message):
        serving_signatures(model)


def test_a_model_must_be_built():
    model = Servable({"score": signature(identity)})
    model.built = False
    with pytest.raises(ValueError, match="has no weights yet"):
        serving_signatures(model)
