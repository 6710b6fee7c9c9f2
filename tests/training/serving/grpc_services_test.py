"""The official stubs of TensorFlow Serving get official answers."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.export.toy_model import toy_model

X = np.array([[0.25] * 4, [0.5] * 4], "float32")


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as made:
        yield made


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request_of(signature="score", name="toy", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, value in inputs.items():
        if not isinstance(value, tensor_pb2.TensorProto):
            value = tf.make_tensor_proto(value)
        request.inputs[key].CopyFrom(value)
    return request


def refused(call, request, code="INVALID_ARGUMENT"):
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=30)
    assert raised.value.code().name == code
    return raised.value.details()


def test_predicts(stub):
    response = stub.Predict(request_of(x=X))
    expected = toy_model(0).score(tf.constant(X))["log_prob"]
    found = tf.make_ndarray(response.outputs["log_prob"])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert response.model_spec.version.value == 2
    assert response.model_spec.signature_name == "score"
    strings = stub.Predict(request_of("encode", text=[b"b", b"\xff\0"]))
    found = tf.make_ndarray(strings.outputs["text"])
    assert found.tolist() == [b"b", b"\xff\0"]


def test_filters_outputs(stub):
    request = request_of("encode", text=[b"b"])
    request.output_filter.append("token_ids")
    assert list(stub.Predict(request).outputs) == ["token_ids"]
    request.output_filter.append("nothing")
    assert "no outputs ['nothing']" in refused(stub.Predict, request)


def test_tells_signatures_and_states(stub, channel):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    request.model_spec.name = "toy"
    response = stub.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert "score" in signatures.signature_def
    request.metadata_field[:] = ["other"]
    assert "must be 'signature_def'" in refused(stub.GetModelMetadata, request)
    states = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "toy"
    (state,) = states.GetModelStatus(request).model_version_status
    assert (state.version, state.State.Name(state.state)) == (2, "AVAILABLE")
    request.model_spec.name = "none"
    words = refused(states.GetModelStatus, request, "NOT_FOUND")
    assert words == "There is no model 'none'. There are: nade, toy"


def proto(dtype="DT_FLOAT", sizes=(1, 4), **values):
    made = tensor_pb2.TensorProto(dtype=dtype, **values)
    for size in sizes:
        made.tensor_shape.dim.add(size=size)
    return made


@pytest.mark.parametrize(
    "x, words",
    [
        (X.astype("float64"), "dtype float32 and shape (None, 4). Received"),
        (X[:, :3], "Received: dtype float32, shape (2, 3)"),
        (X[0], "Received: dtype float32, shape (4,)"),
        (X + 1, "`x` must be an image with pixels in [0, 1]."),
        (X * np.nan, "`x` must be an image with pixels in [0, 1]."),
        # A few bytes that stand for a terabyte.
        (proto(sizes=(1 << 36, 4), float_val=[0.0]), "more than 67108864 byt"),
        (proto(sizes=(-1, 4), float_val=[0.0]), "must tell its shape"),
        (proto(tensor_content=b"123"), "do not fill the shape (1, 4)"),
        (proto(dtype=99), "unknown dtype 99"),
        (proto(dtype="DT_VARIANT"), "Received: dtype variant"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(stub, x, words):
    assert words in refused(stub.Predict, request_of(x=x))


@pytest.mark.parametrize(
    "request_, code, words",
    [
        (request_of(), "INVALID_ARGUMENT", "Missing inputs: ['x']"),
        (request_of(x=X, y=X), "INVALID_ARGUMENT", "Unknown inputs: ['y']"),
        (request_of("none", x=X), "INVALID_ARGUMENT", "no signature 'none'"),
        (request_of(name="none", x=X), "NOT_FOUND", "no model 'none'"),
        (request_of(name="", x=X), "INVALID_ARGUMENT", "must name a model"),
        (request_of(name="n" * 9999), "NOT_FOUND", "There is no model 'nnn"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(stub, request_, code, words):
    assert words in refused(stub.Predict, request_, code)


def test_bytes_that_are_no_message_are_refused(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    words = refused(call, b"\xff\xff\xff")
    assert words == "The bytes are no PredictRequest."
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Classify")
    refused(call, b"", "UNIMPLEMENTED")
