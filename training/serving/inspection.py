"""What a server does not load: links out of its folder, foreign operations.

A SavedModel is a program. One that reads or writes files, or calls Python,
is refused before it is loaded.
"""

import os
import stat

from tensorflow.core.protobuf import saved_model_pb2

# What no served model needs to answer a request. Weights are restored by the
# loader, not by a signature.
_FOREIGN = {
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "ImmutableConst",
    "Save",
    "SaveSlices",
    "SaveV2",
    "Restore",
    "RestoreSlice",
    "RestoreV2",
    "MergeV2Checkpoints",
    "ShardedFilename",
}
# Readers of files and of other machines, and what debuggers send there.
_FOREIGN_ENDS = ("Reader", "ReaderV2", "Rpc", "RpcCall", "RpcClient")
_FOREIGN_BEGINNINGS = ("Debug", "Snapshot", "LoadDataset", "SaveDataset")
_DATASETS_OF_FILES = (
    "TextLine",
    "TFRecord",
    "FixedLengthRecord",
    "LMDB",
    "Sql",
)


def check_inside(root, path):
    """Refuses a path that leads out of a folder, by `..` or by a link.

    Args:
        root: str. A real path.
        path: str.

    Raises:
        ValueError: if it does.
    """
    real = os.path.realpath(path)
    if os.path.commonpath([root, real]) != root:
        raise ValueError(
            f"{path} leads out of the served folder: it is not served. Copy "
            "the model there."
        )


def check_saved_model(root, path):
    """Refuses a SavedModel that a server should not load.

    Args:
        root: str. The real path of the served folder.
        path: str. A SavedModel.

    Raises:
        ValueError: if something in it is a link out of the folder or no file,
            if the graph cannot be read, or if a signature reads or writes
            files, or calls Python.
    """
    check_inside(root, path)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            entry = os.path.join(folder, name)
            check_inside(root, entry)
            mode = os.stat(entry).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ValueError(f"{entry} is neither a file nor a folder.")
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        meta_graphs = saved_model_pb2.SavedModel.FromString(
            file.read()
        ).meta_graphs
    for meta_graph in meta_graphs:
        foreign = sorted(filter(_is_foreign, _operations(meta_graph)))
        if foreign:
            raise ValueError(
                f"{path} is not served: it holds operations that touch files, "
                f"other machines or Python ({', '.join(foreign)})."
            )


def _is_foreign(operation):
    return (
        operation in _FOREIGN
        or operation.endswith(_FOREIGN_ENDS)
        or operation.startswith(_FOREIGN_BEGINNINGS)
        or ("Dataset" in operation and operation.startswith(_DATASETS_OF_FILES))
    )


def _operations(meta_graph):
    """Names of all operations that a signature or the start-up may run."""
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    functions = {
        function.signature.name: function
        for function in meta_graph.graph_def.library.function
    }
    waiting = [
        _node_of(info.name)
        for definition in meta_graph.signature_def.values()
        for info in definition.outputs.values()
    ]
    for collection in meta_graph.collection_def.values():
        waiting += map(_node_of, collection.node_list.value)
    seen, found = set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        found |= _called(nodes[name], functions, seen)
        waiting += map(_node_of, nodes[name].input)
    return found


def _called(node, functions, seen):
    """Operations of a node, and of the functions that it calls."""
    found, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        found.add(node.op)
        names = [node.op] if node.op in functions else []
        for attribute in node.attr.values():
            called = (attribute.func, *attribute.list.func)
            names += [each.name for each in called if each.name]
        for name in names:
            if name in functions and ("function", name) not in seen:
                seen.add(("function", name))
                waiting += functions[name].node_def
    return found


def _node_of(name):
    """`x` of `x:0` and of `^x`."""
    return name.lstrip("^").partition(":")[0]
