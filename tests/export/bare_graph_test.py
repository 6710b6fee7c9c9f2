"""A signature without variables and checks computes what it did."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export.bare_graph import bare_graph
from keras_genseq.export.bare_graph import has_text
from keras_genseq.export.serving_graph import trace
from tests.conformance.densities import MODELS
from tests.conformance.instances import exportable
from tests.export.toy_model import toy_model


def traced(model, name):
    function, _ = trace(name, model.serving_signatures()[name])
    return function


def kinds(graph_def):
    """The operations of a graph, those of loops and branches too."""
    functions = graph_def.library.function
    nodes = [*graph_def.node, *(n for f in functions for n in f.node_def)]
    return {node.op for node in nodes}


# With loops and without one.
@pytest.mark.parametrize(
    "row, name", [("NADE", "score"), ("NADE", "sample"), ("VAE", "encode")]
)
def test_answers_as_the_signature_and_checks_nothing(row, name):
    model = exportable(MODELS[row])
    function = traced(model, name)
    graph = bare_graph(function)
    assert "Assert" in kinds(function.graph.as_graph_def())
    assert not kinds(graph.graph_def) & {
        "Assert",
        "VarHandleOp",
        "ReadVariableOp",
    }
    example = model.serving_signatures()[name].example
    request = {k: np.repeat(value, 3, axis=0) for k, value in example.items()}
    expected = function(**{k: tf.constant(v) for k, v in request.items()})
    assert graph.outputs.keys() == expected.keys()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(graph.graph_def, name="")
        answer = session.run(
            graph.outputs, {graph.inputs[k]: v for k, v in request.items()}
        )
    for key, value in expected.items():
        np.testing.assert_allclose(answer[key], value, rtol=1e-5, atol=1e-6)


def test_knows_signatures_of_strings():
    model = toy_model()
    assert has_text(traced(model, "encode"))
    assert not has_text(traced(model, "score"))
