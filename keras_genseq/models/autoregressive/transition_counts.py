"""Counts of what followed what, and the tables made of them."""

import numbers

import numpy as np

from keras_genseq.ops.ngram_index import context_codes

WITTEN_BELL = "witten_bell"


def check_smoothing(smoothing):
    """Refuses what is neither a number from 0 on nor `"witten_bell"`."""
    is_number = isinstance(smoothing, numbers.Real) and smoothing >= 0.0
    if not is_number and smoothing != WITTEN_BELL:
        raise ValueError(
            '`smoothing` must not be negative, or be "witten_bell". '
            f"Received: smoothing={smoothing!r}"
        )


class TransitionCounts:
    """How often each symbol followed each context, for all lengths of context.

    Args:
        num_states: int.
        order: int. Length of the longest contexts.
        everywhere: bool. Whether a step counts for its contexts of every
            length, or only for the longest one.
    """

    def __init__(self, num_states, order, everywhere):
        self.num_states = num_states
        self.order = order
        self.everywhere = everywhere
        # Of each length, sorted keys `code * num_states + symbol`, and counts.
        empty = np.zeros(0, "int64")
        self._counts = [(empty, empty)] * (order + 1)

    def add(self, x):
        """Counts a batch.

        Args:
            x: `(batch_size, time)` int32 array; -1 is padding.
        """
        codes, lengths = context_codes(x, self.num_states, self.order)
        valid = x >= 0
        codes, lengths = np.asarray(codes)[valid], np.asarray(lengths)[valid]
        symbols = x[valid].astype("int64")
        for j in range(self.order + 1):
            chosen = lengths >= j if self.everywhere else lengths == j
            contexts = codes[chosen] % self.num_states**j
            keys = contexts * self.num_states + symbols[chosen]
            keys, counts = np.unique(keys, return_counts=True)
            self._counts[j] = _merge(self._counts[j], (keys, counts))

    def check_not_empty(self):
        """Refuses to make tables of nothing."""
        if not any(len(keys) for keys, _ in self._counts):
            raise ValueError(
                "`adapt` received no symbol: the data set has no examples, or "
                "nothing but padding."
            )

    def seen_contexts(self, length):
        """Sorted codes of the contexts of one length that were followed."""
        return np.unique(self._counts[length][0] // self.num_states)

    def dense_log_probabilities(self, smoothing):
        """Tables with a row for every context.

        Args:
            smoothing: see `MarkovModel.adapt`.

        Returns:
            list over lengths 0 to order of `(num_states ** length,
            num_states)` float32 arrays.
        """
        contexts = [
            np.arange(self.num_states**j) for j in range(self.order + 1)
        ]
        return self.log_probabilities(contexts, smoothing)

    def log_probabilities(self, contexts, smoothing):
        """Tables with rows for given contexts.

        Args:
            contexts: list over lengths of sorted arrays of codes, which hold
                all that were seen.
            smoothing: see `MarkovModel.adapt`.

        Returns:
            list over lengths of `(len(contexts), num_states)` float32 arrays.
        """
        tables = []
        shorter = np.full((1, self.num_states), 1.0 / self.num_states)
        for j, codes in enumerate(contexts):
            counts = self._matrix(j, codes)
            if smoothing == WITTEN_BELL:
                # The oldest symbol has the greatest weight: modulo drops it.
                parents = codes % self.num_states ** max(j - 1, 0)
                known = contexts[j - 1] if j else np.zeros(1, "int64")
                parents = shorter[np.searchsorted(known, parents)]
                shorter = _interpolate(counts, parents)
            else:
                shorter = _normalize(counts + smoothing)
            with np.errstate(divide="ignore"):
                tables.append(np.log(shorter).astype("float32"))
        return tables

    def _matrix(self, length, codes):
        keys, counts = self._counts[length]
        matrix = np.zeros((len(codes), self.num_states))
        rows = np.searchsorted(codes, keys // self.num_states)
        matrix[rows, keys % self.num_states] = counts
        return matrix


def _merge(one, other):
    keys = np.concatenate([one[0], other[0]])
    keys, places = np.unique(keys, return_inverse=True)
    counts = np.concatenate([one[1], other[1]])
    # Weights are float64: exact up to 2 ** 53 sightings.
    return keys, np.bincount(places, counts, len(keys)).astype("int64")


def _normalize(counts):
    totals = counts.sum(1, keepdims=True)
    uniform = 1.0 / counts.shape[1]
    return np.where(totals > 0.0, counts / np.maximum(totals, 1e-300), uniform)


def _interpolate(counts, parents):
    """Witten-Bell: `(N[c, w] + u(c) p(w | c')) / (N[c] + u(c))`."""
    successors = np.count_nonzero(counts, axis=1)[:, None]
    weights = counts.sum(1, keepdims=True) + successors
    mixed = (counts + successors * parents) / np.maximum(weights, 1.0)
    return np.where(weights > 0.0, mixed, parents)
