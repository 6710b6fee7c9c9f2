"""One version of a model, loaded and ready."""

import numpy as np

from training.query import ServingSession
from training.query_inputs import cast_inputs
from training.serving.inspection import check_saved_model
from training.serving.request_error import RequestError


class Servable:
    """A version of a model in a session.

    Args:
        root: str. The real path of the served folder.
        path: str. The SavedModel.
        name: str. The model.
        version: int.

    Raises:
        ValueError: if it is no SavedModel, or one that is not to be served.
        tf.errors.OpError: if TensorFlow cannot load it, or it refuses its own
            example.
    """

    def __init__(self, root, path, name, version):
        check_saved_model(root, path)
        self.name, self.version = name, version
        self._session = ServingSession(path)
        self.signatures = self._session.signatures
        self.definitions = self._session.definitions
        if not self.signatures:
            raise ValueError(f"{path} has no signature to be asked for.")
        self._by_row = {
            name: _is_by_row(signature)
            for name, signature in self.signatures.items()
        }
        self._warm_up()

    def specs(self, signature):
        """dict of input name to `tf.TensorSpec`.

        Raises:
            RequestError: if there is no such signature.
        """
        if signature not in self.signatures:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"Model {self.name!r} has no signature {signature!r}. It has: "
                f"{', '.join(self.signatures)}",
            )
        return self.signatures[signature]["inputs"]

    def cast(self, signature, inputs):
        """Inputs as arrays that fit a signature.

        Raises:
            RequestError: if there is no such signature.
            ValueError: if they do not fit.
        """
        return cast_inputs(inputs, self.specs(signature))

    def num_rows(self, signature, arrays):
        """Rows of a request that may share a run with others, or None.

        Only where each row of an answer is as wide as any other: elsewhere
        the width of an answer would tell of other clients' requests.
        """
        if not self._by_row[signature]:
            return None
        rows = {len(array) for array in arrays.values()}
        return rows.pop() if len(rows) == 1 and 0 not in rows else None

    def run(self, signature, arrays, timeout=None):
        """Runs a signature on arrays that fit it: dict of name to array."""
        answer = self._session.run_arrays(signature, arrays, timeout)
        return {name: np.asarray(value) for name, value in answer.items()}

    def _warm_up(self):
        for name in self.signatures:
            try:
                example = self._session.example(name)
            except ValueError:
                continue  # A SavedModel of someone else, without examples.
            self._session.run_arrays(name, example)


def _is_by_row(signature):
    def is_batched(spec):
        return bool(spec.shape.rank) and spec.shape[0] is None

    return all(map(is_batched, signature["inputs"].values())) and all(
        is_batched(spec) and None not in spec.shape.as_list()[1:]
        for spec in signature["outputs"].values()
    )
