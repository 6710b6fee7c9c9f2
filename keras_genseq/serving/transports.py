"""How a request travels: gRPC, or REST."""

import base64
import dataclasses
import json
import re

import numpy as np

from keras_genseq.serving.errors import ServerError
from keras_genseq.serving.errors import import_extra

# DataType of TensorFlow: the numbers of gRPC, the names of REST.
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_BOOL": "bool",
    "DT_STRING": "object",
}
_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "UNAVAILABLE",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclasses.dataclass(frozen=True)
class Target:
    """Which version of which model: at most one of `version` and `label`."""

    model: str
    version: int | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs and outputs: dicts of name to `(dtype, shape)`."""

    inputs: dict
    outputs: dict


class RestTransport:
    """Requests over HTTP, by `httpx`.

    Args:
        url: str. `http://host:port` or `https://host:port`.
        headers: dict, sent with each request.
        max_message_bytes: int. Unused: HTTP knows no such limit.
    """

    def __init__(self, url, headers, max_message_bytes):
        httpx = import_extra("httpx")
        self._errors = httpx
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers=headers,
            limits=httpx.Limits(max_connections=None),
            # A server at this machine is not asked by way of a proxy.
            trust_env=not re.match(r"https?://(127\.|localhost|\[::1\])", url),
        )

    async def signatures(self, target, timeout):
        """dict of signature name to `Signature`."""
        found = await self._ask("GET", _path(target, "/metadata"), timeout)
        definitions = found["metadata"]["signature_def"]["signature_def"]
        return {
            name: Signature(
                *(
                    {
                        key: _spec_of_json(info)
                        for key, info in sorted(definition[side].items())
                    }
                    for side in ("inputs", "outputs")
                )
            )
            for name, definition in definitions.items()
            if not name.startswith("__saved_model_")
        }

    async def status(self, target, timeout):
        """list of dicts: `version`, `state`, `error`."""
        found = await self._ask("GET", _path(target, ""), timeout)
        return [
            {
                "version": int(each["version"]),
                "state": each["state"],
                "error": each.get("status", {}).get("error_message", ""),
            }
            for each in found["model_version_status"]
        ]

    async def predict(self, target, name, arrays, outputs, timeout):
        """dict of output name to array."""
        body = {
            "signature_name": name,
            "inputs": {key: _for_json(value) for key, value in arrays.items()},
        }
        answer = await self._ask(
            "POST", _path(target, ":predict"), timeout, body
        )
        found = answer["outputs"]
        if len(outputs) == 1:
            # So a server answers where there is one output.
            found = {next(iter(outputs)): found}
        return {
            key: _from_json(value, *outputs[key])
            for key, value in found.items()
        }

    async def close(self):
        await self._client.aclose()

    async def _ask(self, method, path, timeout, body=None):
        content = None if body is None else json.dumps(body).encode()
        try:
            response = await self._client.request(
                method, path, content=content, timeout=timeout
            )
        except (
            self._errors.ConnectError,
            self._errors.ConnectTimeout,
            self._errors.ReadError,
            self._errors.WriteError,
            self._errors.RemoteProtocolError,
        ) as error:
            raise ServerError(
                "UNAVAILABLE",
                f"{self._client.base_url} is not there, or left: {error!r}",
            ) from error
        except self._errors.TimeoutException as error:
            raise ServerError(
                "DEADLINE_EXCEEDED", f"No answer in {timeout:.3g} seconds."
            ) from error
        if response.status_code == 200:
            return response.json()
        raise ServerError(
            _CODES.get(response.status_code, "INTERNAL"),
            _sentence(response),
            _seconds(response.headers.get("Retry-After")),
        )


class GrpcTransport:
    """Requests over gRPC, by the messages of tensorflow-serving-api.

    Args:
        url: str. `grpc://host:port`, or `grpcs://host:port` with TLS.
        headers: dict, sent with each request as metadata.
        max_message_bytes: int. The longest answer.
    """

    def __init__(self, url, headers, max_message_bytes):
        self._grpc = import_extra("grpc")
        import_extra("tensorflow_serving")
        from tensorflow_serving.apis import model_service_pb2_grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        scheme, _, address = url.partition("://")
        address = address.rstrip("/")
        options = [
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", -1),
            # The client tries again itself, within the caller's deadline.
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        if re.match(r"(127\.|localhost|\[::1\])", address):
            options.append(("grpc.enable_http_proxy", 0))
        self._channel = (
            self._grpc.aio.insecure_channel(address, options)
            if scheme == "grpc"
            else self._grpc.aio.secure_channel(
                address, self._grpc.ssl_channel_credentials(), options
            )
        )
        self._metadata = [(k.lower(), v) for k, v in headers.items()]
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(
            self._channel
        )
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    async def signatures(self, target, timeout):
        """dict of signature name to `Signature`."""
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(
            metadata_field=["signature_def"]
        )
        _fill(request.model_spec, target)
        response = await self._ask(
            self._prediction.GetModelMetadata, request, timeout
        )
        definitions = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(definitions)
        return {
            name: Signature(
                *(
                    {
                        key: _spec_of_proto(info)
                        for key, info in sorted(side.items())
                    }
                    for side in (definition.inputs, definition.outputs)
                )
            )
            for name, definition in definitions.signature_def.items()
            if not name.startswith("__saved_model_")
        }

    async def status(self, target, timeout):
        """list of dicts: `version`, `state`, `error`."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        _fill(request.model_spec, target)
        response = await self._ask(
            self._models.GetModelStatus, request, timeout
        )
        state = get_model_status_pb2.ModelVersionStatus.State
        return [
            {
                "version": each.version,
                "state": state.Name(each.state),
                "error": each.status.error_message,
            }
            for each in response.model_version_status
        ]

    async def predict(self, target, name, arrays, outputs, timeout):
        """dict of output name to array."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        _fill(request.model_spec, target)
        request.model_spec.signature_name = name
        for key, value in arrays.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        response = await self._ask(self._prediction.Predict, request, timeout)
        return {
            key: tf.make_ndarray(proto)
            for key, proto in response.outputs.items()
        }

    async def close(self):
        await self._channel.close()

    async def _ask(self, method, request, timeout):
        try:
            return await method(
                request, timeout=timeout, metadata=self._metadata
            )
        except self._grpc.aio.AioRpcError as error:
            raise ServerError(error.code().name, error.details()) from error


def _path(target, end):
    path = f"/v1/models/{target.model}"
    if target.version is not None:
        path += f"/versions/{target.version}"
    elif target.label is not None:
        path += f"/labels/{target.label}"
    return path + end


def _fill(model_spec, target):
    model_spec.name = target.model
    if target.version is not None:
        model_spec.version.value = target.version
    elif target.label is not None:
        model_spec.version_label = target.label


def _spec_of_json(info):
    shape = info["tensor_shape"]
    sizes = tuple(int(dim["size"]) for dim in shape.get("dim", ()))
    return _spec(info["dtype"], shape.get("unknown_rank"), sizes)


def _spec_of_proto(info):
    from tensorflow.core.framework import types_pb2

    sizes = tuple(dim.size for dim in info.tensor_shape.dim)
    name = types_pb2.DataType.Name(info.dtype)
    return _spec(name, info.tensor_shape.unknown_rank, sizes)


def _spec(name, unknown_rank, sizes):
    if name not in _DTYPES:
        raise ValueError(f"This client knows no tensors of {name}.")
    shape = tuple(None if size < 0 else size for size in sizes)
    return _DTYPES[name], None if unknown_rank else shape


def _for_json(array):
    if array.dtype.kind != "O":
        return array.tolist()
    return _encoded(array.tolist())


def _encoded(value):
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


def _from_json(value, dtype, shape):
    if dtype == "object":
        return np.array(_decoded(value), object)
    array = np.asarray(value, dtype)
    if array.size == 0 and shape is not None and None not in shape[1:]:
        array = array.reshape((0, *shape[1:]))
    return array


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value


def _sentence(response):
    try:
        return response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}: {response.text[:200]}"


def _seconds(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
