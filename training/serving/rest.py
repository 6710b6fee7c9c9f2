"""The REST of TensorFlow Serving.

Paths, bodies and answers are those of
https://www.tensorflow.org/tfx/serving/api_rest.
"""

import asyncio
import base64
import binascii
import json
import re

import numpy as np
import prometheus_client
import tensorflow as tf
from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from training.query_inputs import expected_inputs
from training.serving.request_error import RequestError
from training.serving.request_error import request_error_of
from training.serving.service import DEFAULT_SIGNATURE
from training.serving.service import Spec
from training.serving.service import aside

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[^/:]+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<verb>:predict|/metadata)?"
)
_METRICS = ("/metrics", "/monitoring/prometheus/metrics")
_PATHS = (
    "/v1/models/NAME[/versions/VERSION|/labels/LABEL] and behind it :predict "
    "or /metadata"
)


class Rest:
    """Answers of a `Service` over HTTP."""

    def __init__(self, service):
        self._service = service

    def application(self):
        """The `aiohttp.web.Application`."""
        application = web.Application(
            client_max_size=self._service.limits.max_body_bytes
        )
        application.router.add_route("*", "/{path:.*}", self.answer)
        return application

    async def answer(self, request):
        """Answers one request.

        Args:
            request: `aiohttp.web.Request`, or what has as much of it: `path`,
                `method`, `content_length` and `async read()`.

        Returns:
            `aiohttp.web.Response`.
        """
        if request.path in _METRICS and request.method in ("GET", "HEAD"):
            return web.Response(
                body=self._service.metrics.text(),
                headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
            )
        try:
            async with self._service.admitted("REST") as about:
                return await self._answer(request, about)
        except RequestError as error:
            headers = {"Retry-After": "1"} if error.http_status == 503 else {}
            return _json({"error": error.sentence}, error.http_status, headers)

    async def _answer(self, request, about):
        found = _PATH.fullmatch(request.path)
        if not found:
            raise RequestError(
                "NOT_FOUND",
                f"There is nothing at {request.path!r}. There is: {_PATHS}",
            )
        name, version, label, verb = found.groups()
        about["model"] = name
        if version is not None:
            version = _version(version)
        method = "POST" if verb == ":predict" else "GET"
        if request.method not in (method, "HEAD" if method == "GET" else ""):
            raise RequestError(
                "INVALID_ARGUMENT",
                f"{request.path} takes {method}. Received: {request.method}",
                405,
            )
        catalog = self._service.catalog
        if verb is None:
            return _json(_states(catalog.states(name, version, label)))
        if verb == "/metadata":
            servable = catalog.find(name, version, label).servable
            return _json(_metadata(servable))
        catalog.find(name, version, label)  # Before a long body is read.
        deadline = self._service.deadline()
        body = await self._body(request)
        return await self._predict(body, (name, version, label), deadline)

    async def _predict(self, body, model, deadline):
        try:
            parsed = await aside(len(body), _parse, body)
        except (ValueError, RecursionError) as error:
            raise request_error_of(error) from error
        spec = Spec(*model, parsed.get("signature_name") or DEFAULT_SIGNATURE)
        _, outputs = await self._service.predict(
            spec, lambda specs: _inputs(parsed, specs), len(body), deadline
        )
        size = 8 * sum(value.size for value in outputs.values())
        write = _rows if "instances" in parsed else _columns
        text = await aside(size, lambda: json.dumps(write(outputs)).encode())
        return web.Response(body=text, content_type="application/json")

    async def _body(self, request):
        limits = self._service.limits
        try:
            async with asyncio.timeout(limits.max_seconds):
                if (request.content_length or 0) > limits.max_body_bytes:
                    raise web.HTTPRequestEntityTooLarge(
                        limits.max_body_bytes, request.content_length
                    )
                body = await request.read()
                if len(body) > limits.max_body_bytes:
                    raise web.HTTPRequestEntityTooLarge(
                        limits.max_body_bytes, len(body)
                    )
                return body
        except web.HTTPRequestEntityTooLarge as error:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"A request has at most {limits.max_body_bytes} bytes.",
                413,
            ) from error
        except TimeoutError as error:
            raise RequestError(
                "DEADLINE_EXCEEDED", "The request did not come in time.", 408
            ) from error
        except web.RequestPayloadError as error:
            raise RequestError(
                "INVALID_ARGUMENT", f"The body cannot be read: {error}"
            ) from error


def _json(value, status=200, headers=None):
    return web.Response(
        text=json.dumps(value, indent=1) + "\n",
        status=status,
        headers=headers,
        content_type="application/json",
    )


def _version(text):
    if not re.fullmatch("[0-9]{1,19}", text):
        raise RequestError(
            "INVALID_ARGUMENT", f"A version is a number. Received: {text!r}"
        )
    return int(text)


def _states(states):
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": "END" if sentence else "AVAILABLE",
                "status": {
                    "error_code": "FAILED_PRECONDITION" if sentence else "OK",
                    "error_message": sentence,
                },
            }
            for version, sentence in states
        ]
    }


def _metadata(servable):
    message = get_model_metadata_pb2.SignatureDefMap(
        signature_def=servable.definitions
    )
    return {
        "model_spec": {
            "name": servable.name,
            "signature_name": "",
            "version": str(servable.version),
        },
        "metadata": {
            "signature_def": json_format.MessageToDict(
                message,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
        },
    }


def _parse(body):
    """The body of a request, a dict."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ValueError(f"The body is no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ValueError(
            'The body must be {"signature_name": ..., "inputs": ...} or '
            f'{{..., "instances": ...}}. Received: a {type(parsed).__name__}'
        )
    if ("inputs" in parsed) == ("instances" in parsed):
        raise ValueError(
            'The body must have either "inputs" (a column for each input) or '
            f'"instances" (rows). Received: {sorted(parsed)}'
        )
    if not isinstance(parsed.get("signature_name", ""), str):
        raise ValueError('"signature_name" must be a string.')
    return parsed


def _inputs(parsed, specs):
    """dict of input name to array or literal."""
    columns = parsed.get("inputs")
    if "instances" in parsed:
        columns = _columns_of(parsed["instances"], specs)
    elif not _is_named(columns):
        columns = {_only_name(specs): columns}
    return {
        name: _strings(value)
        if name in specs and specs[name].dtype == tf.string
        else value
        for name, value in columns.items()
    }


def _columns_of(rows, specs):
    if not isinstance(rows, list) or not rows:
        raise ValueError('"instances" must be a list of at least one row.')
    if not any(map(_is_named, rows)):
        return {_only_name(specs): rows}
    names = set(rows[0]) if _is_named(rows[0]) else set()
    if not all(_is_named(row) and set(row) == names for row in rows):
        raise ValueError(
            'Each row of "instances" must name the same inputs. '
            f"{expected_inputs(specs)}"
        )
    return {name: [row[name] for row in rows] for name in names}


def _is_named(value):
    """Whether a value is a dict of inputs, and no encoded string."""
    return isinstance(value, dict) and set(value) != {"b64"}


def _only_name(specs):
    if len(specs) != 1:
        raise ValueError(
            f"Values must have the names of inputs. {expected_inputs(specs)}"
        )
    return next(iter(specs))


def _strings(value):
    """Strings of JSON as an array of bytes."""
    # Not by an array of NumPy's text, which drops zeros at the end.
    return np.array(_encoded(value), object)


def _encoded(value):
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if isinstance(value, str):
        # A surrogate alone is no character: UnicodeEncodeError.
        return value.encode()
    if isinstance(value, dict) and set(value) == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, binascii.Error) as error:
            raise ValueError(f"A b64 string cannot be read: {error}") from error
    return value


def _columns(outputs):
    values = {name: _plain(name, value) for name, value in outputs.items()}
    return {"outputs": values.popitem()[1] if len(values) == 1 else values}


def _rows(outputs):
    sizes = {value.shape[:1] for value in outputs.values()}
    if len(sizes) != 1 or () in sizes:
        raise RequestError(
            "INVALID_ARGUMENT",
            "The outputs of this signature have no common rows: ask in the "
            'format of columns, "inputs".',
        )
    plain = {name: _plain(name, value) for name, value in outputs.items()}
    if len(plain) == 1:
        return {"predictions": plain.popitem()[1]}
    rows = zip(*plain.values(), strict=True)
    return {"predictions": [dict(zip(plain, row, strict=True)) for row in rows]}


def _plain(name, array):
    """An array as lists; bytes as text, or in base64 as the name tells."""
    if array.dtype.kind != "O":
        return array.tolist()
    binary = name.endswith("_bytes")
    flat = [_text(item, binary) for item in array.flat]
    shaped = np.empty(len(flat), object)
    shaped[:] = flat
    return shaped.reshape(array.shape).tolist()


def _text(item, binary):
    if not binary:
        try:
            return item.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(item).decode()}
