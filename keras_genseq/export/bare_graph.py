"""A signature as plain arithmetic, as converters to other runtimes take it."""

import dataclasses

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

_BARE = "_bare"


@dataclasses.dataclass(frozen=True)
class BareGraph:
    """A graph without variables and without the checks of a request.

    Attributes:
        graph_def: `GraphDef`, its weights in it.
        inputs: dict of name to name of a tensor.
        outputs: dict of name to name of a tensor.
        specs: dict of name of an input to `tf.TensorSpec`.
    """

    graph_def: tf.compat.v1.GraphDef
    inputs: dict[str, str]
    outputs: dict[str, str]
    specs: dict[str, tf.TensorSpec]

    def as_function(self):
        """The graph as a concrete function of named tensors."""

        def serve(**tensors):
            outputs = tf.graph_util.import_graph_def(
                self.graph_def,
                {self.inputs[name]: each for name, each in tensors.items()},
                list(self.outputs.values()),
                name="",
            )
            return dict(zip(self.outputs, outputs, strict=True))

        function = tf.function(serve, autograph=False)
        return function.get_concrete_function(**self.specs)


def has_text(function):
    """Whether a concrete function takes or gives strings."""
    _, specs = function.structured_input_signature
    outputs = function.structured_outputs.values()
    return any(each.dtype == tf.string for each in [*specs.values(), *outputs])


def bare_graph(function):
    """The arithmetic of a signature.

    Args:
        function: concrete function of tensors by keyword, none of them of
            strings, that returns a dict of tensors.

    Returns:
        `BareGraph`.
    """
    _, specs = function.structured_input_signature
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        function, lower_control_flow=False
    )
    inputs = {tensor.op.name: tensor.name for tensor in frozen.inputs}
    # A function returns what is in a dict in the order of its sorted names.
    names = sorted(function.structured_outputs)
    outputs = dict(
        zip(names, (tensor.name for tensor in frozen.outputs), strict=True)
    )
    graph_def = frozen.graph.as_graph_def()
    _remove_checks(graph_def.node)
    for each in graph_def.library.function:
        _remove_checks(each.node_def)
        each.control_ret.clear()
    _keep_needed_nodes(graph_def, (*inputs.values(), *outputs.values()))
    _keep_reachable_functions(graph_def)
    return BareGraph(
        graph_def,
        {name: inputs[name] for name in specs},
        outputs,
        {
            name: tf.TensorSpec(spec.shape, spec.dtype, name)
            for name, spec in specs.items()
        },
    )


def _remove_checks(nodes):
    """Lets nothing wait for a check, so that no check is needed."""
    for node in nodes:
        needed = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(needed)
        if node.op == "PlaceholderWithDefault":
            node.op = "Identity"
            node.attr["T"].CopyFrom(node.attr.pop("dtype"))
            node.attr.pop("shape", None)


def _keep_needed_nodes(graph_def, tensors):
    """Leaves out what no named tensor is computed from."""
    nodes = {node.name: node for node in graph_def.node}
    needed, names = {}, [tensor.partition(":")[0] for tensor in tensors]
    while names:
        name = names.pop()
        if name not in needed:
            needed[name] = nodes[name]
            names += [each.partition(":")[0] for each in nodes[name].input]
    kept = [node for node in graph_def.node if node.name in needed]
    del graph_def.node[:]
    graph_def.node.extend(kept)


def _keep_reachable_functions(graph_def):
    """Leaves out the branches of checks."""
    functions = {
        each.signature.name: each for each in graph_def.library.function
    }
    reached, nodes = {}, list(graph_def.node)
    while nodes:
        for call in _calls(nodes.pop()):
            if call.name in functions and call.name not in reached:
                reached[call.name] = functions[call.name]
                nodes.extend(functions[call.name].node_def)
    # Under their own names TensorFlow knows them with the checks.
    for each in reached.values():
        each.signature.name += _BARE
    for node in _all_nodes(graph_def.node, reached.values()):
        for call in _calls(node):
            if call.name in reached:
                call.name += _BARE
    kept = list(reached.values())
    del graph_def.library.function[:]
    graph_def.library.function.extend(kept)


def _all_nodes(nodes, functions):
    return [*nodes, *(node for each in functions for node in each.node_def)]


def _calls(node):
    """The names of functions in the attributes of a node."""
    for value in node.attr.values():
        if value.func.name:
            yield value.func
        yield from value.list.func
