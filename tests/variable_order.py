"""In which order a graph reads and writes its variables, as it is run.

TensorFlow's optimizers of graphs may drop an order that the traced graph has.
What is read before or after it is written, as it happens, depends on chance,
and sometimes is wrong.
"""

import collections
import contextlib

from tensorflow.python.eager import context


@contextlib.contextmanager
def ordered_variables():
    """Fails where a graph that is made within leaves an order to chance."""
    with context.collect_graphs(optimized=True) as graphs:
        yield
    found = [pair for graph in graphs for pair in unordered(graph)]
    assert not found, f"read and written in any order: {found}"


def unordered(graph):
    """Reads and writes of a variable of which either may come first.

    What is read and then used for its shape alone may be read at any time. What
    the body of a loop or a branch reads is not looked at.

    Args:
        graph: `tf.compat.v1.GraphDef`.

    Returns:
        list of pairs of names of operations.
    """
    nodes = {node.name: node for node in graph.node}
    numbers = {name: i for i, name in enumerate(nodes)}
    before = _all_before(nodes, numbers)
    used = _all_used(nodes)
    reads, writes = (collections.defaultdict(list) for _ in range(2))
    for node in graph.node:
        if node.op == "ReadVariableOp" and node.name in used:
            reads[_variable(node, nodes)].append(node.name)
        elif node.op.startswith("Assign") and node.op.endswith("VariableOp"):
            writes[_variable(node, nodes)].append(node.name)
    return [
        (one, other)
        for variable, names in writes.items()
        for i, one in enumerate(names)
        for other in names[i + 1 :] + reads[variable]
        if not before[one] >> numbers[other] & 1
        and not before[other] >> numbers[one] & 1
    ]


def _all_before(nodes, numbers):
    """dict: name -> a bit for each operation that comes before it."""
    before, stack = {}, list(nodes)
    while stack:
        name = stack[-1]
        inputs = [_operation(i) for i in nodes[name].input]
        missing = [i for i in inputs if i not in before]
        # A loop of a graph leads back to `NextIteration`.
        if missing and nodes[name].op != "NextIteration":
            stack.extend(missing)
            continue
        stack.pop()
        bits = 0
        for i in inputs:
            bits |= before.get(i, 0) | 1 << numbers[i]
        before[name] = bits
    return before


def _all_used(nodes):
    """Names of operations whose values are in what the graph does."""
    stack = [
        name
        for name, node in nodes.items()
        if node.op == "_Retval" or node.op.startswith("Assign")
    ]
    used = set()
    while stack:
        name = stack.pop()
        if name in used:
            continue
        used.add(name)
        node = nodes[name]
        if node.op not in ("Shape", "Rank", "Size", "OnesLike", "ZerosLike"):
            data = [i for i in node.input if not i.startswith("^")]
            stack.extend(map(_operation, data))
    return used


def _variable(node, nodes):
    while node.op not in ("_Arg", "Placeholder", "VarHandleOp"):
        node = nodes[_operation(node.input[0])]
    return node.name


def _operation(name):
    """`a` of `a`, `a:1` and `^a`."""
    return name.removeprefix("^").split(":")[0]
