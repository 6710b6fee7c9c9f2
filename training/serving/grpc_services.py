"""The gRPC of TensorFlow Serving: PredictionService and ModelService."""

import math

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2

from training.serving.request_error import RequestError
from training.serving.service import DEFAULT_SIGNATURE
from training.serving.service import Spec
from training.serving.service import aside

_MESSAGES_OF_METADATA = "signature_def"
_State = get_model_status_pb2.ModelVersionStatus


class GrpcServices:
    """Answers of a `Service` over gRPC.

    Messages are read here and not by the generated stubs, for which bytes that
    are no message are an INTERNAL error of the server.
    """

    def __init__(self, service):
        self._service = service

    def handlers(self):
        """list of handlers for `grpc.aio.Server.add_generic_rpc_handlers`."""
        prediction = prediction_service_pb2.DESCRIPTOR.services_by_name
        model = model_service_pb2.DESCRIPTOR.services_by_name
        return [
            grpc.method_handlers_generic_handler(
                prediction["PredictionService"].full_name,
                {
                    "Predict": self._handler(
                        predict_pb2.PredictRequest, self._predict
                    ),
                    "GetModelMetadata": self._handler(
                        get_model_metadata_pb2.GetModelMetadataRequest,
                        self._metadata,
                    ),
                },
            ),
            grpc.method_handlers_generic_handler(
                model["ModelService"].full_name,
                {
                    "GetModelStatus": self._handler(
                        get_model_status_pb2.GetModelStatusRequest,
                        self._status,
                    )
                },
            ),
        ]

    def _handler(self, request_class, answer):
        async def handle(body, context):
            try:
                async with self._service.admitted("gRPC") as about:
                    deadline = self._service.deadline(context.time_remaining())
                    try:
                        request = await aside(
                            len(body), request_class.FromString, body
                        )
                    except DecodeError as error:
                        raise RequestError(
                            "INVALID_ARGUMENT",
                            f"The bytes are no {request_class.__name__}.",
                        ) from error
                    about["model"] = request.model_spec.name
                    return await answer(request, len(body), deadline)
            except RequestError as error:
                await context.abort(error.code, error.sentence)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            response_serializer=lambda message: message.SerializeToString(),
        )

    async def _predict(self, request, size, deadline):
        spec = _spec(request.model_spec)
        longest = self._service.limits.max_body_bytes
        servable, outputs = await self._service.predict(
            spec,
            lambda specs: {
                name: _array(name, proto, specs.get(name), longest)
                for name, proto in request.inputs.items()
            },
            size,
            deadline,
        )
        outputs = _filtered(outputs, request.output_filter)
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, servable, spec.signature)
        written = sum(value.nbytes for value in outputs.values())
        protos = await aside(
            written,
            lambda: {k: tf.make_tensor_proto(v) for k, v in outputs.items()},
        )
        for name, proto in protos.items():
            response.outputs[name].CopyFrom(proto)
        return response

    async def _metadata(self, request, size, deadline):
        for field in request.metadata_field:
            if field != _MESSAGES_OF_METADATA:
                raise RequestError(
                    "INVALID_ARGUMENT",
                    f"`metadata_field` must be {_MESSAGES_OF_METADATA!r}. "
                    f"Received: {field!r}",
                )
        spec = _spec(request.model_spec)
        found = self._service.catalog.find(spec.name, spec.version, spec.label)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill(response.model_spec, found.servable, "")
        response.metadata[_MESSAGES_OF_METADATA].Pack(
            get_model_metadata_pb2.SignatureDefMap(
                signature_def=found.servable.definitions
            )
        )
        return response

    async def _status(self, request, size, deadline):
        spec = _spec(request.model_spec)
        states = self._service.catalog.states(
            spec.name, spec.version, spec.label
        )
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, sentence in states:
            state = response.model_version_status.add(version=version)
            state.state = _State.END if sentence else _State.AVAILABLE
            if sentence:
                code = grpc.StatusCode.FAILED_PRECONDITION.value[0]
                state.status.error_code = code
                state.status.error_message = sentence
        return response


def _spec(message):
    if not message.name:
        raise RequestError(
            "INVALID_ARGUMENT", "`model_spec` must name a model."
        )
    choice = message.WhichOneof("version_choice")
    return Spec(
        message.name,
        message.version.value if choice == "version" else None,
        message.version_label if choice == "version_label" else None,
        message.signature_name or DEFAULT_SIGNATURE,
    )


def _fill(model_spec, servable, signature):
    model_spec.name = servable.name
    model_spec.version.value = servable.version
    model_spec.signature_name = signature


def _filtered(outputs, names):
    unknown = sorted(set(names) - set(outputs))
    if unknown:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"The signature has no outputs {unknown}. It has: "
            f"{', '.join(outputs)}",
        )
    return {name: outputs[name] for name in names} if names else outputs


def _array(name, proto, spec, longest):
    """A tensor of a request as an array.

    A few bytes may stand for a tensor of any size: what would be too long is
    refused before it is made.
    """
    if spec is None:
        return np.zeros(0)  # The check of names says which there are.
    try:
        dtype = tf.as_dtype(proto.dtype)
    except TypeError as error:
        raise ValueError(
            f"Input {name!r} has the unknown dtype {proto.dtype}."
        ) from error
    if dtype != spec.dtype:
        raise ValueError(
            f"Input {name!r} must have dtype {spec.dtype.name} and shape "
            f"{spec.shape}. Received: dtype {dtype.name}"
        )
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise ValueError(f"Input {name!r} must tell its shape.")
    if math.prod(sizes) * max(dtype.size, 1) > longest:
        raise ValueError(
            f"Input {name!r} of shape {tuple(sizes)} has more than {longest} "
            "bytes."
        )
    try:
        return np.asarray(tf.make_ndarray(proto))
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"Input {name!r} cannot be read: its values do not fill the shape "
            f"{tuple(sizes)}."
        ) from error
