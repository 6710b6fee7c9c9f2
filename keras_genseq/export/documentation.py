"""What an exported model is and how it is asked: the README beside it."""

import base64
import json
import shlex

import numpy as np

from keras_genseq.export.signature import tensor_dtype

README_FILE = "README.md"
# A request that is longer is read from a file.
_LONGEST_REQUEST = 64
_LONGEST_ANSWER = 6
# Outputs have the same name and meaning in every model.
_OUTPUTS = {
    "log_prob": "log-probability in nats, one per row",
    "score": "log-probability of the answer, normalized by its length",
    "x": "as the input `x` of the other signatures",
    "z": "encodings",
    "z_mean": "mean of the encoding",
    "z_log_var": "logarithm of the variance of the encoding",
    "text": "texts, in UTF-8",
    "token_ids": "token ids; 0 is padding",
    "probabilities": "probability of each class",
    "logits": "logits, before the softmax or sigmoid",
    "realness": "probability of being real, in (0, 1)",
    "point": "the most probable course, or its mean",
    "quantiles": "quantiles 0.1, 0.5 and 0.9 of the forecast",
    "scale": "standard deviation of the forecast",
}


def describe(signatures, described):
    """The signatures with all that clients should know of them.

    Args:
        signatures: dict of name to `Signature`.
        described: dict as `describe_signatures` returns it.

    Returns:
        dict of the same structure, with the notes of every input beside its
        dtype and shape; JSON values alone.
    """
    return {
        name: {
            **tensors,
            "inputs": {
                key: {**facts, **signatures[name].notes.get(key, {})}
                for key, facts in tensors["inputs"].items()
            },
        }
        for name, tensors in described.items()
    }


def documentation(name, about, signatures, described, answers):
    """Writes the README of a served model.

    Args:
        name: str. What the server calls the model.
        about: str. A sentence on what it models.
        signatures: dict of name to `Signature`.
        described: dict as `describe` returns it.
        answers: dict of signature name to dict of arrays: the answers to the
            examples.

    Returns:
        str, Markdown.
    """
    default = signatures.get("serving_default")
    own = {n: s for n, s in signatures.items() if n != "serving_default"}
    same = [n for n, signature in own.items() if signature is default]
    lines = [
        f"# {name}",
        "",
        *([about, ""] if about else []),
        "A SavedModel for TensorFlow Serving, or for any program with "
        "TensorFlow. It needs",
        "no other package; where texts are cut by SentencePiece it needs the "
        "operations of",
        "tensorflow-text, which servers have.",
    ]
    if same:
        lines += ["", f"`serving_default` is `{same[0]}`."]
    sections = own or signatures
    for each, signature in sections.items():
        lines += _section(each, signature, described[each])
    lines += _request(name, sections, same, answers)
    lines += _limits(described)
    lines += _versions(name)
    return "\n".join(lines) + "\n"


def _section(name, signature, tensors):
    title = signature.description
    lines = ["", f"## `{name}`", ""]
    if title:
        lines += [f"{title[0].upper()}{title[1:]}.", ""]
    lines += [
        "All inputs are required, with a row for each answer.",
        "",
        "| input | dtype | shape | meaning | range | usual value |",
        "|---|---|---|---|---|---|",
    ]
    # The leading input first, as the model declares them.
    for key in signature.inputs:
        facts = tensors["inputs"][key]
        lines.append(
            f"| `{key}` | {facts['dtype']} | {_shape(facts['shape'])} | "
            f"{facts.get('description', '')} | {_range(facts)} | "
            f"{facts.get('default', '')} |"
        )
    lines += ["", "| output | dtype | shape | meaning |", "|---|---|---|---|"]
    for key, facts in tensors["outputs"].items():
        lines.append(
            f"| `{key}` | {facts['dtype']} | {_shape(facts['shape'])} | "
            f"{_OUTPUTS.get(key, '')} |"
        )
    return lines


def _shape(shape):
    if shape is None:
        return "any"
    sizes = ["rows", *("any" if n is None else str(n) for n in shape[1:])]
    return f"({', '.join(sizes)})"


def _range(facts):
    low, high = facts.get("minimum"), facts.get("maximum")
    parts = []
    if low is not None and high is not None:
        parts.append(f"{low} to {high}")
    elif low is not None or high is not None:
        parts.append(f"at least {low}" if high is None else f"at most {high}")
    if "max_steps" in facts:
        parts.append(f"at most {facts['max_steps']} steps")
    if "max_bytes" in facts:
        parts.append(f"at most {facts['max_bytes']} bytes")
    return ", ".join(parts)


def _request(name, signatures, preferred, answers):
    """One request, over HTTP and in Python, with its answer."""
    asked = min(
        signatures, key=lambda n: (_is_long(signatures[n]), n not in preferred)
    )
    example = signatures[asked].example
    body = {
        "signature_name": asked,
        "inputs": {key: _for_json(value) for key, value in example.items()},
    }
    url = f"http://localhost:8501/v1/models/{name}:predict"
    answer = {key: _shortened(value) for key, value in answers[asked].items()}
    if len(answer) == 1:
        # So a server answers where there is one output.
        (answer,) = answer.values()
    arrays = ", ".join(
        f"{key}={_tensor(value)}" for key, value in example.items()
    )
    if _is_long(signatures[asked]):
        data = "@request.json"
        lines = [
            "The request is long: this writes it to a file, and `curl` sends "
            "it.",
            "",
            "```python",
            "import json",
            "import numpy as np",
            "",
            *(f"{key} = {_array(value)}" for key, value in example.items()),
            f'request = {{"signature_name": "{asked}", "inputs": {{'
            + ", ".join(f'"{key}": {key}.tolist()' for key in example)
            + "}}",
            'json.dump(request, open("request.json", "w"))',
            "```",
            "",
        ]
    else:
        data, lines = shlex.quote(json.dumps(body)), []
    return [
        "",
        "## A request",
        "",
        *lines,
        "```sh",
        f"curl {url} -d {data}",
        "```",
        "",
        "answers (long arrays are cut here)",
        "",
        "```json",
        json.dumps({"outputs": answer}),
        "```",
        "",
        "The same in Python: through a server, and without one.",
        "",
        "```python",
        "import json",
        "import urllib.request",
        "",
        f"request = {_python_body(asked, body, data)}",
        "answer = urllib.request.urlopen(",
        f'    "{url}", json.dumps(request).encode()',
        ")",
        'print(json.load(answer)["outputs"])',
        "```",
        "",
        "```python",
        "import numpy as np",
        "import tensorflow as tf",
        "",
        'model = tf.saved_model.load("VERSION")  # the folder of a version',
        f'print(model.signatures["{asked}"]({arrays}))',
        "```",
    ]


def _limits(described):
    limits = {
        facts[kind]
        for tensors in described.values()
        for facts in tensors["inputs"].values()
        for kind in ("max_steps", "max_bytes")
        if kind in facts
    }
    lines = [
        "",
        "## Limits",
        "",
        "A request of another shape, out of a range above, with NaN or an "
        "infinite number, or",
        "without rows is refused before any work: INVALID_ARGUMENT (HTTP 400), "
        "with a sentence",
        "after `assertion failed:` that says what was expected. The next "
        "request is answered.",
    ]
    if limits:
        lines += [
            f"A row may have {max(limits)} steps, or bytes of a text, at most: "
            "`max_steps` at export",
            "(`model.export(path, max_steps=...)`, or `--max-steps`) changes "
            "it.",
        ]
    return [
        *lines,
        "Equal seeds and inputs give equal answers, alone or in any batch.",
    ]


def _versions(name):
    return [
        "",
        "## Versions",
        "",
        "A server takes the highest number below the folder of the model, "
        "usually within",
        "seconds. Versions only grow, and a number is never used again. Once "
        "a version was",
        f"promoted, `/v1/models/{name}/labels/stable:predict` is that version, "
        "and `canary` in",
        "its place the newer one that is tried:",
        "",
        "```",
        f"python -m training export --promote {name}    # or {name}:VERSION",
        f"python -m training export --roll-back {name}  # to the one before",
        "```",
    ]


def _is_long(signature):
    sizes = (np.size(value) for value in signature.example.values())
    return sum(sizes) > _LONGEST_REQUEST


def _for_json(value):
    return [_plain(item) for item in np.asarray(value)]


def _plain(value):
    """A value of a request or an answer as TensorFlow Serving writes it."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, float | np.floating):
        return round(float(value), 6)
    return value.item() if isinstance(value, np.generic) else value


def _shortened(value):
    value = np.asarray(value)
    if value.ndim == 0:
        return _plain(value[()])
    items = [_shortened(item) for item in value[:_LONGEST_ANSWER]]
    return items + ["..."] * (len(value) > _LONGEST_ANSWER)


def _python_body(asked, body, data):
    if data == "@request.json":
        return 'json.load(open("request.json"))'
    return repr(body)


def _tensor(value):
    value = np.asarray(value)
    if value.size > _LONGEST_REQUEST:
        return f"tf.constant({_array(value)})"
    dtype = tensor_dtype(value).name
    return f"tf.constant({_for_json(value)!r}, tf.{dtype})"


def _array(value):
    """An expression of NumPy for an array, which is cut where it is long."""
    value = np.asarray(value)
    if value.dtype.kind in "SUO":
        return f"np.array({_for_json(value)!r}, object)"
    if value.size and (value == value.flat[0]).all():
        first = value.flat[0].item()
        return f'np.full({value.shape}, {first!r}, "{value.dtype}")'
    return f'np.array({_for_json(value)!r}, "{value.dtype}")'
