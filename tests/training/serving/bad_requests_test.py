"""Whatever is sent, the answer is right or a sentence, and the next is right.

Requests are drawn by hypothesis: some hundreds here, 10,000 with `-m slow`.
"""

import json
import math

import grpc
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from training.query import ServingSession

FEW, MANY = 150, 5000
# Of the stand-in; 405 is a method that a path does not have.
REFUSALS = {400, 404, 405, 408, 413}
SEED, TEMPERATURE = [1, 2], [1.0, 0.5]
X = [[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1]]
MASK = [[True, False, True, False, False, False]] * 2
# What each signature takes.
GOOD = {
    "score": {"x": X},
    "encode": {"x": X},
    "sample": {"seed": SEED, "temperature": TEMPERATURE},
    "serving_default": {"seed": SEED, "temperature": TEMPERATURE},
    "complete": {"x": X, "mask": MASK, "seed": SEED},
}


@pytest.fixture(scope="module")
def session(toys):
    return ServingSession(toys / "nade")


@pytest.fixture(scope="module")
def expected(session):
    return session.run("sample", seed=SEED, temperature=TEMPERATURE)["x"]


def checks(number):
    """A test that draws so many requests, the same ones every time."""
    return hypothesis.settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


NUMBERS = (
    st.sampled_from([0, 1, -1, 2, 0.5, math.nan, math.inf, -math.inf])
    | st.sampled_from([1e39, 1e300, 2**31, -(2**31) - 1, 2**63, 10**40])
    | st.integers(-3, 3)
)
ODD = st.none() | st.booleans() | st.text(max_size=5)
ODD |= st.sampled_from(["\ud800", "\0", {"b64": "?"}, {"b64": "/w=="}, {}])


@st.composite
def tensors(draw):
    """Nested lists of any rank and shape, sometimes ragged or odd inside."""
    shape = draw(
        st.sampled_from([(), (0,), (1,), (2,), (6,), (2, 0), (0, 6), (1, 5)])
        | st.sampled_from([(1, 6), (2, 6), (3, 6), (2, 6, 1), (1, 1, 1, 6)])
    )
    values = NUMBERS if draw(st.integers(0, 3)) else NUMBERS | ODD
    if draw(st.booleans()):
        values = st.sampled_from([0, 1])
    if not draw(st.integers(0, 20)):
        shape = (draw(st.sampled_from([1000, 5000])),)
        values = st.just(draw(values))
    nested = draw(values) if shape == () else _filled(draw, values, shape)
    if shape and draw(st.integers(0, 9)) == 0:
        nested.append(draw(st.lists(values, max_size=3)))
    return nested


def _filled(draw, values, shape):
    if len(shape) == 0:
        return draw(values)
    if shape[0] > 100:
        return [draw(values)] * shape[0]
    return [_filled(draw, values, shape[1:]) for _ in range(shape[0])]


JSON = st.recursive(
    NUMBERS | ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
DTYPES = {
    "x": "float32",
    "mask": "bool",
    "seed": "int32",
    "temperature": "float32",
}
NAMES = st.sampled_from(["x", "seed", "temperature", "mask", "y", "", "é"])
WRONG = st.text(max_size=6) | st.integers() | st.none()


PREDICT = "/v1/models/nade:predict"
WRONG_PATHS = (
    "/v1/models/nade/versions/0:predict",
    "/v1/models/nade/versions/-1:predict",
    f"/v1/models/nade/versions/{'9' * 99}:predict",
    "/v1/models/nade/labels/%00:predict",
    f"/v1/models/{'n' * 3000}:predict",
    "/v1/models/%2e%2e%2fnade:predict",
    "/v1/models/nade:regress",
    "//v1//models",
)


@st.composite
def named_inputs(draw, values):
    """A signature, and what it takes, with some inputs replaced."""
    signature = draw(st.sampled_from(sorted(GOOD)))
    inputs = dict(GOOD[signature])
    names = st.sampled_from(sorted(inputs))
    for name in draw(st.lists(names, min_size=1, max_size=2)):
        inputs[name] = draw(values)
    return signature, inputs


@st.composite
def values_that_do_not_fit(draw):
    signature, inputs = draw(named_inputs(tensors()))
    if draw(st.booleans()):
        return PREDICT, dumped(signature, "inputs", inputs)
    columns = [v if isinstance(v, list) else [v] for v in inputs.values()]
    rows = [
        dict(zip(inputs, row, strict=True))
        for row in zip(*columns, strict=False)
    ]
    return PREDICT, dumped(signature, "instances", rows)


@st.composite
def names_that_do_not_fit(draw):
    signature = draw(st.sampled_from(sorted(GOOD)) | WRONG)
    inputs = st.dictionaries(NAMES, tensors(), max_size=4) | tensors() | JSON
    key = draw(st.sampled_from(["inputs", "instances", "examples"]))
    path = draw(st.sampled_from([PREDICT] * 8 + list(WRONG_PATHS)))
    return path, dumped(signature, key, draw(inputs))


@st.composite
def bodies_that_are_none(draw):
    body = dumped("sample", "inputs", GOOD["sample"])
    place = draw(st.integers(0, len(body)))
    extra = draw(st.binary(max_size=3))
    broken = st.sampled_from(
        [body[:place], body[:place] + extra + body[place:]]
    )
    deep = st.sampled_from([b"[" * 9999, b'{"inputs":' * 9999])
    other = JSON.map(lambda value: json.dumps(value).encode())
    return PREDICT, draw(broken | st.binary(max_size=40) | deep | other)


def dumped(signature, key, value):
    return json.dumps({"signature_name": signature, key: value}).encode()


def check_rest(ask, expected, request):
    path, body = request
    status, answer = ask(path, body)
    hypothesis.event(f"{status} {str(answer)[:40]}")
    if status == 200:
        assert_finite(answer.get("outputs", answer.get("predictions")))
    else:
        assert status in REFUSALS, (status, answer, request)
        assert len(answer["error"]) > 10, (answer, request)
    status, answer = ask(
        "/v1/models/nade:predict",
        {
            "signature_name": "sample",
            "inputs": {"seed": SEED, "temperature": TEMPERATURE},
        },
    )
    assert (status, answer["outputs"]) == (200, expected.tolist())


def assert_finite(answer):
    """An answer that was given holds numbers alone: no NaN in silence."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for each in answer:
            assert_finite(each)
    else:
        assert math.isfinite(answer)


def rest_test(number):
    @checks(number)
    @hypothesis.given(
        request=values_that_do_not_fit()
        | values_that_do_not_fit()
        | names_that_do_not_fit()
        | bodies_that_are_none()
    )
    def run(ask, expected, request):
        check_rest(ask, expected, request)

    return run


test_rest_survives_hundreds_of_bad_requests = rest_test(FEW)
test_rest_survives_thousands_of_bad_requests = pytest.mark.slow(rest_test(MANY))


@st.composite
def protos(draw):
    """Tensors of any kind, with values that fit them or not."""
    if draw(st.booleans()):
        array = np.array(draw(st.sampled_from([0, 1, 2, np.nan, np.inf, -5])))
        shape = draw(
            st.sampled_from([(), (2,), (0, 6), (2, 6), (2, 5), (1, 6)])
        )
        dtype = draw(st.sampled_from(["float32", "int32", "float64", "bool"]))
        with np.errstate(invalid="ignore"):
            return tf.make_tensor_proto(np.full(shape, array).astype(dtype))
    proto = tensor_pb2.TensorProto(
        dtype=draw(st.sampled_from([*types_pb2.DataType.values(), 77])),
        tensor_content=draw(st.binary(max_size=48)),
        float_val=draw(st.lists(st.floats(width=32), max_size=7)),
        int_val=draw(st.lists(st.integers(-9, 9), max_size=7)),
        string_val=draw(st.lists(st.binary(max_size=3), max_size=2)),
    )
    for size in draw(
        st.lists(st.sampled_from([0, 1, 2, 6, -1, 2**40, 2**62]), max_size=4)
    ):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = draw(st.integers(0, 9)) == 0
    return proto


@st.composite
def grpc_requests(draw):
    """Bytes of a request, some of which are none."""
    signature, inputs = draw(named_inputs(protos()))
    request = predict_pb2.PredictRequest()
    spec = request.model_spec
    spec.name, spec.signature_name = "nade", signature
    for name, value in inputs.items():
        if not isinstance(value, tensor_pb2.TensorProto):
            value = tf.make_tensor_proto(value, DTYPES[name])
        request.inputs[name].CopyFrom(value)
    wrong = draw(st.sampled_from([""] * 6 + ["names", "version", "bytes"]))
    if wrong == "names":
        spec.name = draw(st.sampled_from(["nade", "", "../nade", "\0"]))
        spec.signature_name = draw(st.sampled_from([signature, "", "none"]))
        request.inputs[draw(NAMES)].CopyFrom(draw(protos()))
        request.output_filter.extend(draw(st.lists(NAMES, max_size=1)))
    elif wrong == "version":
        spec.version.value = draw(st.integers(-(2**63), 2**63 - 1))
    body = bytearray(request.SerializeToString())
    if wrong == "bytes":
        for place in draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
            body[place] = draw(st.integers(0, 255))
    return bytes(body)


@pytest.fixture(scope="module")
def call(server):
    address = server.grpc_url.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel:
        yield channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict"
        )


def check_grpc(call, expected, body):
    try:
        response = predict_pb2.PredictResponse.FromString(
            call(body, timeout=60)
        )
        hypothesis.event("OK")
    except grpc.RpcError as error:
        hypothesis.event(f"{error.code().name} {error.details()[:40]}")
        codes = ("INVALID_ARGUMENT", "NOT_FOUND")
        assert error.code().name in codes, (error.details(), body)
        assert len(error.details()) > 10, body
    else:
        for proto in response.outputs.values():
            assert np.isfinite(tf.make_ndarray(proto)).all(), body
    good = predict_pb2.PredictRequest()
    good.model_spec.name, good.model_spec.signature_name = "nade", "sample"
    for name, value, dtype in (
        ("seed", SEED, "int32"),
        ("temperature", TEMPERATURE, "float32"),
    ):
        good.inputs[name].CopyFrom(tf.make_tensor_proto(value, dtype))
    answer = call(good.SerializeToString(), timeout=60)
    outputs = predict_pb2.PredictResponse.FromString(answer).outputs
    np.testing.assert_array_equal(tf.make_ndarray(outputs["x"]), expected)


def grpc_test(number):
    @checks(number)
    @hypothesis.given(body=grpc_requests())
    def run(call, expected, body):
        check_grpc(call, expected, body)

    return run


test_grpc_survives_hundreds_of_bad_requests = grpc_test(FEW)
test_grpc_survives_thousands_of_bad_requests = pytest.mark.slow(grpc_test(MANY))
