"""From the signatures of a model to graphs that a stock server runs."""

import types

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.export.signature import Signature

_DEFAULT = "serving_default"
_DEFAULT_ORDER = ("generate", "translate", "classify", "sample", "score")
_PYTHON_OPS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")
_XLA_OPS = ("Xla", "_Xla")


def serving_signatures(model, max_steps=None):
    """Collects the signatures of a model, with the default one.

    Args:
        model: a built Keras model with a method `serving_signatures()`.
        max_steps: int, the most steps that a request may ask of one row; None
            leaves it to the model.

    Returns:
        dict of name to `Signature`. `"serving_default"` is the model's own if
        it has one, else the first of generate, translate, classify, sample and
        score that the model has.

    Raises:
        ValueError: if the model is not built or offers no signatures.
    """
    if not hasattr(model, "serving_signatures"):
        raise ValueError(
            "The model must have a method `serving_signatures()` that returns "
            f"a dict of name to `Signature`. Received: {model!r}"
        )
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} has no weights yet. Build it, or call "
            "it once, before it is exported."
        )
    limits = {} if max_steps is None else {"max_steps": max_steps}
    signatures = dict(model.serving_signatures(**limits))
    wrong = [
        name
        for name, value in signatures.items()
        if not isinstance(value, Signature)
    ]
    if wrong or not signatures:
        raise ValueError(
            "`serving_signatures()` must return a dict of name to "
            f"`Signature`, with at least one. Received: {signatures!r}"
        )
    for name in _DEFAULT_ORDER:
        if name in signatures:
            signatures.setdefault(_DEFAULT, signatures[name])
    return signatures


def trace(name, signature):
    """Traces one signature, and runs its example.

    Args:
        name: str. Of the signature, for the errors.
        signature: `Signature`.

    Returns:
        A concrete function with the inputs and outputs of the signature, and
        its answer to the example: dict of name to array.

    Raises:
        ValueError: if the result is not a dict of tensors, if the graph
            contains what a stock server does not run, or if the example fails.
    """

    def serve(**tensors):
        return _check_outputs(name, signature.function(**tensors))

    specs = {
        key: tf.TensorSpec(spec.shape, spec.dtype, key)
        for key, spec in signature.inputs.items()
    }
    function = tf.function(serve, autograph=False)
    concrete = function.get_concrete_function(**specs)
    check_graph(f"Signature {name!r}", concrete.graph.as_graph_def())
    request = {
        key: tf.convert_to_tensor(value, signature.inputs[key].dtype)
        for key, value in signature.example.items()
    }
    try:
        answer = concrete(**request)
    except tf.errors.OpError as error:
        # Of an assertion its words alone, without where they were traced.
        reason = error.message.rpartition("assertion failed: ")[2]
        raise ValueError(
            f"The example of signature {name!r} must be a valid request: a "
            "server replays it before it serves. It failed: "
            f"{reason.partition(chr(10))[0]}"
        ) from error
    return concrete, {key: value.numpy() for key, value in answer.items()}


def resources_of(model, signatures):
    """Finds the variables and tables that the signatures may reach.

    The search starts at the model and at what the functions of the signatures
    close over, and follows attributes and containers.

    Args:
        model: a Keras model.
        signatures: dict of name to `Signature`.

    Returns:
        Pair of lists: `tf.Variable` objects, and other resources.
    """
    variables = []
    resources = []
    seen = set()
    stack = [model, *(value.function for value in signatures.values())]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, keras.Variable):
            stack.append(item.value)
        elif isinstance(item, tf.Variable):
            variables.append(item)
        elif isinstance(item, tf.saved_model.experimental.TrackableResource):
            resources.append(item)
        else:
            stack.extend(_parts(item))
    return variables, resources


def read_variables(variables, concrete_functions):
    """Keeps the variables that at least one function reads.

    Args:
        variables: list of `tf.Variable`, mirrored ones among them.
        concrete_functions: concrete functions.

    Returns:
        List of `tf.Variable`.
    """
    captured = {
        id(tensor)
        for function in concrete_functions
        for tensor in function.captured_inputs
    }
    return [
        variable
        for variable in variables
        if any(id(part.handle) in captured for part in _replicas(variable))
    ]


def _check_outputs(name, outputs):
    if not isinstance(outputs, dict) or not outputs:
        raise ValueError(
            f"Signature {name!r} must return a dict of tensors: its keys are "
            f"the names of the outputs. Received: {outputs!r}"
        )
    for key, value in outputs.items():
        if not isinstance(key, str) or not isinstance(value, tf.Tensor):
            raise ValueError(
                f"Signature {name!r} must return a dict of tensors by name. "
                f"Received: {key!r}: {value!r}"
            )
    return outputs


def check_graph(owner, graph_def):
    """Refuses a graph that a stock server does not run.

    Args:
        owner: str. Whose graph it is, for the errors.
        graph_def: `GraphDef`.

    Raises:
        ValueError: if it calls Python, or XLA compiles a part of it.
    """
    nodes = list(graph_def.node)
    for function in graph_def.library.function:
        nodes.extend(function.node_def)
        if _is_compiled(function.attr):
            _refuse_compiled(owner, function.signature.name)
    for node in nodes:
        if node.op in _PYTHON_OPS:
            raise ValueError(
                f"{owner} calls Python at serving time: its graph has a "
                f"{node.op} op, {node.name!r}. A server has no Python: "
                "write the function in TensorFlow ops."
            )
        if node.op.startswith(_XLA_OPS) or _is_compiled(node.attr):
            _refuse_compiled(owner, node.name)


def _is_compiled(attributes):
    return "_XlaMustCompile" in attributes and attributes["_XlaMustCompile"].b


def _refuse_compiled(owner, where):
    raise ValueError(
        f"{owner} has a region compiled by XLA, {where!r}: stock "
        "servers refuse to run it. Leave `jit_compile=True` out of what the "
        "signature calls."
    )


def _parts(item):
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, (list, tuple, set, frozenset)):
        return list(item)
    if isinstance(item, types.FunctionType):
        return _closed_over(item)
    if isinstance(item, types.MethodType):
        return [item.__self__, item.__func__]
    if isinstance(item, (type, types.ModuleType, np.ndarray)):
        return []
    if isinstance(item, (keras.layers.Layer, tf.Module)) or _is_foreign(item):
        return list(getattr(item, "__dict__", {}).values())
    return []


def _closed_over(function):
    parts = list(function.__defaults__ or ())
    parts.extend((function.__kwdefaults__ or {}).values())
    for cell in function.__closure__ or ():
        # A cell is empty until its variable is first assigned.
        try:
            parts.append(cell.cell_contents)
        except ValueError:
            continue
    return parts


def _is_foreign(item):
    # The inner life of the frameworks (strategies, optimizers, graphs) holds
    # no resource of the model that its layers do not hold too.
    return type(item).__module__.partition(".")[0] not in (
        "builtins",
        "keras",
        "numpy",
        "tensorflow",
    )


def _replicas(variable):
    return getattr(variable, "values", None) or (variable,)
