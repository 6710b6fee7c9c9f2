"""Why a request is not answered, in the words of gRPC and of HTTP."""

import grpc
import tensorflow as tf

from training.query import sentence_of

# Longer ones do not fit into the trailers of gRPC.
_LONGEST = 1000
# As TensorFlow Serving answers them; what is not here is 500.
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
        code: `grpc.StatusCode`.
        sentence: str. What came, what was expected.
        http_status: int.

    Args:
        code: `grpc.StatusCode`, or its name.
        sentence: str.
        http_status: int, where it is not that of the code.
    """

    def __init__(self, code, sentence, http_status=None):
        if isinstance(code, str):
            code = grpc.StatusCode[code]
        if len(sentence) > _LONGEST:
            sentence = f"{sentence[:_LONGEST]} ..."
        super().__init__(sentence)
        self.code = code
        # A request may hold what no encoding has a word for.
        self.sentence = sentence.encode("utf-8", "replace").decode()
        self.http_status = http_status or _HTTP.get(code, 500)


def request_error_of(error):
    """The `RequestError` of an error: TensorFlow's, or one of reading."""
    if isinstance(error, tf.errors.OpError):
        code = _BY_NUMBER.get(error.error_code, grpc.StatusCode.UNKNOWN)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return RequestError(code, "The model did not answer in time.")
        return RequestError(code, sentence_of(error))
    if isinstance(error, RecursionError):
        return RequestError(
            "INVALID_ARGUMENT", "The request is nested too deeply."
        )
    return RequestError("INVALID_ARGUMENT", str(error))
