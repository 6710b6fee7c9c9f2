"""What models promise of the classes that they are told."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.batches import BATCH
from tests.conformance.batches import ROWS

# Public method -> the signature that answers the same.
SIGNATURES = {
    "log_prob": "score",
    "sample": "sample",
    "complete": "complete",
    "encode": "encode",
    "decode": "decode",
    "reconstruct": "reconstruct",
    "discriminate": "discriminate",
}
FITS = {
    "fit arrays": lambda model, *data: model.fit(*data, verbose=0),
    "fit tf.data": lambda model, *data: model.fit(
        tf.data.Dataset.from_tensors(data if len(data) > 1 else data[0]),
        verbose=0,
    ),
    "evaluate": lambda model, *data: model.evaluate(*data, verbose=0),
}
NO_CONDITION = "takes no condition|models `x` alone|token ids alone"


def conditional_methods(case):
    """Names of the methods that need a class, by the requests to refuse."""
    return [
        method
        for method, signature in SIGNATURES.items()
        for bad, _ in case.bad_requests.get(signature, ())
        if bad.keys() == {"condition"} and len(bad["condition"]) > 1
    ]


def ask(model, case, method, **condition):
    x, _ = case.pair(ROWS)
    inputs = model.serving_signatures()[SIGNATURES[method]].inputs
    arguments = (x,)
    if "z" in inputs:
        z = np.zeros((ROWS, *inputs["z"].shape[1:]))
        arguments = (z.astype(inputs["z"].dtype.name),)
    elif method == "sample":
        arguments = (ROWS,)
    elif method == "complete":
        arguments = (x, np.zeros(x.shape, bool))
    return getattr(model, method)(*arguments, **condition)


def sentence(case):
    return f"This model is conditional on {case.num_classes} classes"


def needs_its_condition(model, case, method):
    with pytest.raises(ValueError, match=sentence(case)):
        ask(model, case, method)


def refuses_data_without_condition(model, case, fit):
    x, _ = case.pair(BATCH)
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match=sentence(case)
    ):
        fit(model, x)


def _parameters(model, method):
    function = getattr(model, method, None)
    return inspect.signature(function).parameters if function else ()


def takes_no_condition(model, case):
    """A model without classes refuses them in requests."""
    for method in SIGNATURES:
        if "condition" in _parameters(model, method):
            with pytest.raises(ValueError, match="takes no condition"):
                ask(model, case, method, condition=0)


def refuses_classes_in_data(model, case):
    """A model without classes and targets refuses them in data."""
    classes = np.zeros(BATCH, "int32")
    for fit in FITS.values():
        with pytest.raises(ValueError, match=NO_CONDITION):
            fit(model, case.pair(BATCH)[0], classes)


def hears_its_condition(model, case, method):
    """Another class gives another answer."""
    _, y = case.pair(ROWS)
    classes = (y, (y + 1) % case.num_classes)
    seed = {"seed": 3} if method in ("sample", "complete") else {}
    one, two = (
        tf.nest.flatten(ask(model, case, method, condition=c, **seed))
        for c in classes
    )
    assert any(
        (np.asarray(a) != np.asarray(b)).any()
        for a, b in zip(one, two, strict=True)
    )
