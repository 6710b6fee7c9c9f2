"""What a server answers in place of an answer."""

import importlib


class ServerError(RuntimeError):
    """A server refused a request, did not answer, or was not there.

    Attributes:
        code: str. The name of a code of gRPC: `INVALID_ARGUMENT` (the request
            breaks the contract of the model), `NOT_FOUND` (no such model,
            version or label), `DEADLINE_EXCEEDED`, `UNAVAILABLE` (nothing
            listens, or there is too much to do), ...
        after: optional float. Seconds after which the server would like to be
            asked again.

    Args:
        code: str.
        sentence: str. What the server says.
        after: optional float.
    """

    def __init__(self, code, sentence, after=None):
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.after = after

    @property
    def is_passing(self):
        """Whether the same request may be answered soon.

        Never so of one that the server understood and refused, and not after
        a deadline.
        """
        return self.code == "UNAVAILABLE"


def import_extra(name):
    """Imports a module of the extra `serving`.

    Raises:
        ImportError: if it is not installed: how to.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"This client needs {name.partition('.')[0]}: "
            "`pip install 'keras-genseq[serving]'`."
        ) from error
