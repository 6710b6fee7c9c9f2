import keras
import numpy as np
from keras import ops

from keras_genseq.models.autoregressive.markov_model import MarkovModel
from keras_genseq.models.autoregressive.transition_counts import WITTEN_BELL
from keras_genseq.models.autoregressive.transition_counts import (
    TransitionCounts,
)
from keras_genseq.models.autoregressive.transition_counts import check_smoothing
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.ngram_index import lower_bound

_NO_CONTEXT = np.iinfo("int64").max


@keras.saving.register_keras_serializable(package="keras_genseq")
class SparseMarkovModel(MarkovModel):
    """Markov chain of high order that keeps only the contexts it has seen.

    A step is predicted from the longest context before it that has a row:
    characters of English at order 5 have 1.2 billion contexts, of which a
    million characters show 133,293. `adapt` finds them; before it there is a
    row for the empty context alone. `fit` then trains the rows there are.

    Args:
        num_states: int. Symbols are the ids below it.
        max_contexts: int. Rows of the table.
        order: int. Length of the longest contexts.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: as for `MarkovModel`.

    Returns:
        As for `MarkovModel`.

    Example:

    ```python
    token_ids = np.random.randint(0, 3, (8, 10))
    model = models.SparseMarkovModel(3, 1_000, order=4)
    model.adapt(token_ids)
    samples = model.sample(2, seed=0, length=10)
    ```

    Differences from the paper: none known.
    """

    def __init__(self, num_states, max_contexts, *, order=1, **kwargs):
        max_contexts = check_counts(max_contexts=max_contexts)
        # `build`, which the base class calls, needs it.
        self.max_contexts = max_contexts
        super().__init__(num_states, order=order, **kwargs)

    def build(self, input_shape):
        self._add_logits(self.max_contexts)
        # Numbers of the rows' contexts, ascending; see `context_offsets`.
        self.contexts = self.add_weight(
            name="contexts",
            shape=(self.max_contexts,),
            initializer=_only_the_empty_context,
            dtype="int64",
            trainable=False,
            autocast=False,
        )
        self.built = True

    def rows(self, codes, lengths):
        known = ops.convert_to_tensor(self.contexts)
        rows = ops.zeros_like(lengths)
        for j in range(1, self.order + 1):
            number = int(self._offsets[j]) + codes % self.num_states**j
            place = lower_bound(known, number)
            place = ops.minimum(place, self.max_contexts - 1)
            found = (ops.take(known, place) == number) & (lengths >= j)
            rows = ops.where(found, place, rows)
        return rows

    def adapt(self, dataset, smoothing=WITTEN_BELL):
        """Finds the contexts of the data and sets their rows by counting.

        Args:
            dataset: as for `MarkovModel.adapt`.
            smoothing: as there. A context counts wherever it occurs, at the
                start of a sequence or not, whatever the smoothing.

        Raises:
            ValueError: as there, and if the data hold more contexts than
                `max_contexts`.
        """
        check_smoothing(smoothing)
        counts = self._count(dataset, everywhere=True)
        seen = [counts.seen_contexts(j) for j in range(self.order + 1)]
        numbers = np.concatenate(
            [codes + self._offsets[j] for j, codes in enumerate(seen)]
        )
        missing = self.max_contexts - len(numbers)
        if missing < 0:
            raise ValueError(
                f"The data hold {len(numbers)} contexts of up to "
                f"{self.order} symbols. Make a model with that many "
                f"`max_contexts`. Received: max_contexts={self.max_contexts}"
            )
        tables = counts.log_probabilities(seen, smoothing)
        tables = np.concatenate(tables)
        self.logits.assign(np.pad(tables, [(0, missing), (0, 0)]))
        self.contexts.assign(
            np.pad(numbers, (0, missing), constant_values=_NO_CONTEXT)
        )

    def get_config(self):
        return {**super().get_config(), "max_contexts": self.max_contexts}


def num_contexts(x, num_states, order):
    """Contexts that `SparseMarkovModel` needs room for.

    Args:
        x: `(num_examples, time)` int32 array of ids; -1 is padding.
        num_states: int.
        order: int.

    Returns:
        int.
    """
    counts = TransitionCounts(num_states, order, everywhere=True)
    counts.add(x)
    return sum(len(counts.seen_contexts(j)) for j in range(order + 1))


def _only_the_empty_context(shape, dtype=None):
    numbers = np.full(shape, _NO_CONTEXT, "int64")
    numbers[0] = 0
    return ops.convert_to_tensor(numbers)
