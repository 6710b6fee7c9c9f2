"""Asks a model on a server.

Run    python -m training query --url http://localhost:8501 NAME SIGNATURE
"""

import tensorflow as tf

from keras_genseq.serving import Client
from training.query import print_answer
from training.query_inputs import parse_inputs


def query_server(
    url, model, signature, inputs=(), output=None, cards=None, target=None
):
    """Asks one signature and prints the answer as JSON.

    Args:
        url: str. `http://HOST:PORT` or `grpc://HOST:PORT`.
        model: str. The name of the model there.
        signature: str.
        inputs: strings `name=value`, as `training.query.query` takes them. A
            single value counts for all rows.
        output: str or None. `FILE.npz` to keep all numbers.
        cards: path or None. A folder of exported models, whose cards tell the
            defaults of inputs.
        target: dict or None. `version`, `label` and `timeout` of the request.

    Returns:
        dict of output name to array.

    Raises:
        ValueError: if the request does not fit the signature.
        ServerError: if the server refuses it, or does not answer.
    """
    target = target or {}
    with Client(url, cards=cards) as client:
        signatures = client.signatures(model, **target)
        if signature not in signatures:
            raise ValueError(
                f"Model {model!r} has no signature {signature!r}. It has: "
                f"{', '.join(signatures)}"
            )
        specs = {
            name: tf.TensorSpec(
                shape, tf.string if dtype == "object" else dtype, name
            )
            for name, (dtype, shape) in signatures[signature]["inputs"].items()
        }
        request = parse_inputs(inputs, specs, optional=specs)
        answer = client.call(model, signature, request, **target)
    print_answer(answer, output)
    return answer
