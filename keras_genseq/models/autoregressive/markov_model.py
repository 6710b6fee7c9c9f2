import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import Perplexity
from keras_genseq.models.autoregressive.transition_counts import (
    TransitionCounts,
)
from keras_genseq.models.autoregressive.transition_counts import check_smoothing
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.markov_chain import entropy_rate
from keras_genseq.ops.markov_chain import stationary_distribution
from keras_genseq.ops.ngram_index import context_codes
from keras_genseq.ops.ngram_index import context_offsets
from keras_genseq.ops.ngram_index import next_context
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import all_states

# Beyond this, 1 GiB of float32, tables are for `SparseMarkovModel`.
_MOST_ENTRIES = 2**28


@keras.saving.register_keras_serializable(package="keras_genseq")
class MarkovModel(SequenceModel):
    """Order-tau Markov chain: a table row for the last symbols, whatever came
    before.

    The first steps of a sequence have rows for their shorter contexts, so the
    chain has an initial distribution and scores every step. `adapt` counts, in
    closed form; `fit` descends to the same tables. Contexts never cross from
    one sequence into another.

    Args:
        num_states: int. Symbols are the ids below it (the papers' m).
        order: int. Symbols that the next one depends on (the papers' tau); 0
            is a model of independent symbols.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, time)` int32 ids. Steps of -1 are padding, wherever
            they stand: they are not scored, not counted, and a new context
            begins after them.

    Returns:
        `(batch_size, time, num_states)` float32 logits; those of a step depend
        on the `order` steps before it, and on no other.

    Raises:
        ValueError: if the tables would not fit into memory.

    Example:

    ```python
    token_ids = np.random.randint(0, 3, (8, 10))
    model = models.MarkovModel(3, order=2)
    model.adapt(token_ids, smoothing=0.01)
    log_prob = model.log_prob(token_ids)
    samples = model.sample(2, seed=0, length=10)
    ```

    Differences from the paper: none known.
    """

    padding_value = -1

    def __init__(self, num_states, *, order=1, **kwargs):
        num_states = as_int(num_states, "num_states", minimum=2)
        order = as_int(order, "order", minimum=0)
        super().__init__((), "int32", **kwargs)
        self.num_states = num_states
        self.order = order
        self.perplexity = Perplexity(dtype="float32")
        self._offsets = context_offsets(num_states, order)
        self.build((None, None))

    def build(self, input_shape):
        num_rows = int(self._offsets[-1])
        if num_rows * self.num_states > _MOST_ENTRIES:
            raise ValueError(
                f"{self.num_states} states and order {self.order} make a "
                f"table of {num_rows * self.num_states:.2e} entries; at most "
                f"{_MOST_ENTRIES} fit. Choose a smaller `order`, or "
                "`SparseMarkovModel`, which keeps only contexts that it saw."
            )
        self._add_logits(num_rows)
        self.built = True

    def call(self, x):
        codes, lengths = context_codes(x, self.num_states, self.order)
        return ops.take(self.logits, self.rows(codes, lengths), axis=0)

    def rows(self, codes, lengths):
        """Rows of the table for contexts.

        Args:
            codes: int64 tensor.
            lengths: int32 tensor of the same shape.

        Returns:
            int32 tensor of the same shape.
        """
        offsets = ops.convert_to_tensor(self._offsets[:-1])
        return ops.cast(ops.take(offsets, lengths) + codes, "int32")

    def log_prob_from_logits(self, x, logits):
        log_probs = ops.log_softmax(logits, axis=-1)
        ids = ops.maximum(x, 0)[..., None]
        terms = ops.take_along_axis(log_probs, ids, axis=-1)[..., 0]
        # Chosen, not multiplied: 0 * -inf would be NaN.
        return ops.sum(ops.where(x >= 0, terms, 0.0), axis=1)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniform(seeds, ops.shape(x)[1])

        def step(context, inputs):
            shown_id, shown, uniform = inputs
            logits = ops.take(self.logits, self.rows(*context), axis=0)
            drawn = categories_from_uniforms(logits, uniform, temperature)
            symbol = ops.where(shown, shown_id, drawn)
            context = next_context(
                *context, symbol, self.num_states, self.order
            )
            return context, symbol

        first = (ops.zeros_like(seeds, "int64"), ops.zeros_like(seeds))
        inputs = [ops.transpose(t) for t in (x, mask, uniforms)]
        _, x = scan(step, first, tuple(inputs))
        return ops.transpose(x)

    def adapt(self, dataset, smoothing=1.0):
        """Sets the tables by counting.

        Args:
            dataset: array of ids `(num_examples, time)`, or `tf.data.Dataset`
                of batches of such.
            smoothing: float, sightings of every symbol to imagine after every
                context: 0 is maximum likelihood and gives `-inf` to what was
                never seen (a context never seen is uniform). Or
                `"witten_bell"`: interpolates each context with the one
                without its oldest symbol, the more the more different symbols
                followed it; contexts at the start are then those of anywhere.

        Raises:
            ValueError: if `smoothing` is another word or negative, or the data
                hold no symbol.
        """
        check_smoothing(smoothing)
        counts = self._count(dataset, everywhere=smoothing == "witten_bell")
        tables = counts.dense_log_probabilities(smoothing)
        self.logits.assign(np.concatenate(tables))

    def transition_probabilities(self, length=None):
        """The table as an array.

        Args:
            length: int. Length of the contexts, at most `order`, which is the
                default; 0 gives the distribution of the first symbol.

        Returns:
            float64 array with `length + 1` axes of size `num_states`, oldest
            symbol first and the next symbol last.
        """
        length = self.order if length is None else length
        if not 0 <= length <= self.order:
            raise ValueError(
                f"`length` must be from 0 to {self.order}, the order. "
                f"Received: length={length}"
            )
        if self.num_states ** (length + 1) > _MOST_ENTRIES:
            raise ValueError(
                f"The whole table for contexts of {length} symbols has "
                f"{self.num_states}^{length + 1} entries; at most "
                f"{_MOST_ENTRIES} fit. Ask for a smaller `length`."
            )
        codes = np.arange(self.num_states**length)
        lengths = np.full(len(codes), length, "int32")
        rows = self.rows(ops.convert_to_tensor(codes), lengths)
        probabilities = np.asarray(ops.take(self.logits, rows, axis=0))
        probabilities = np.exp(probabilities.astype("float64"))
        probabilities /= probabilities.sum(-1, keepdims=True)
        return probabilities.reshape((self.num_states,) * (length + 1))

    def stationary_distribution(self):
        """Where the chain dwells in the long run: `pi = pi A`.

        Returns:
            float64 array over the contexts of length `order` (over symbols for
            orders 0 and 1), oldest symbol first. Of a chain with several
            closed parts, the one reached from the uniform distribution.
        """
        return stationary_distribution(self.transition_probabilities())

    def entropy_rate(self):
        """Nats per symbol of long sequences: what no model of the chain beats.

        Returns:
            float.
        """
        return entropy_rate(self.transition_probabilities())

    def check_values(self, x, name, where=None):
        return all_states(x, self.num_states, name=name, where=where)

    def num_steps(self, x):
        return ops.sum(ops.cast(x >= 0, "float32"), axis=1)

    @property
    def step_metrics(self):
        return [self.nll_per_step, self.perplexity]

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.num_states)

    def get_config(self):
        return {
            **super().get_config(),
            "num_states": self.num_states,
            "order": self.order,
        }

    def _add_logits(self, num_rows):
        self.logits = self.add_weight(
            name="logits",
            shape=(num_rows, self.num_states),
            initializer="zeros",
            dtype="float32",
            autocast=False,
        )

    def _count(self, dataset, everywhere):
        counts = TransitionCounts(self.num_states, self.order, everywhere)
        is_dataset = isinstance(dataset, tf.data.Dataset)
        for x in dataset if is_dataset else [dataset]:
            counts.add(self.check_inputs(x).numpy())
        counts.check_not_empty()
        return counts


def num_parameters(num_states, order=1, length=None):
    """Free parameters of a chain.

    Args:
        num_states: int.
        order: int.
        length: optional int: the chain has tables of its own for each of so
            many steps. None counts a homogeneous chain, with the table of its
            first contexts.

    Returns:
        int: exact, however large.
    """
    if length is None:
        return num_states ** (order + 1) - 1
    histories = sum(num_states ** min(t, order) for t in range(length))
    return (num_states - 1) * histories
