"""Long-run facts of a Markov chain, in float64 on the host."""

import numpy as np

# Up to here the chain of contexts fits into one matrix that can be squared.
_MOST_SQUARED = 1024
_MOST_STEPS = 20_000
_TOLERANCE = 1e-13


def stationary_distribution(probabilities):
    """The distribution that a step of the chain leaves as it is.

    Args:
        probabilities: `(m,) * order + (m,)` array, oldest symbol first, the
            next symbol last; rows sum to 1.

    Returns:
        float64 array `(m,) * order`; of order 0 the only row, `(m,)`. Where
        there are several, the one reached from the uniform distribution.

    Raises:
        ValueError: if the chain mixes too slowly to find it.
    """
    probabilities = np.asarray(probabilities, "float64")
    order, num_states = probabilities.ndim - 1, probabilities.shape[-1]
    if order == 0:
        return probabilities
    # Lazy steps (stay half of the time) have the same stationary distribution
    # and converge even where the chain is periodic.
    num_contexts = num_states**order
    pi = np.full(num_contexts, 1.0 / num_contexts)
    if num_contexts <= _MOST_SQUARED:
        matrix = 0.5 * (np.eye(num_contexts) + _context_matrix(probabilities))
        for _ in range(60):
            squared = matrix @ matrix
            squared /= squared.sum(1, keepdims=True)
            if np.abs(squared - matrix).max() < _TOLERANCE:
                break
            matrix = squared
        pi = pi @ matrix
    else:
        for _ in range(_MOST_STEPS):
            stepped = 0.5 * (pi + _step(pi, probabilities))
            change = np.abs(stepped - pi).sum()
            pi = stepped
            if change < _TOLERANCE:
                break
        else:
            raise ValueError(
                f"The chain of {num_contexts} contexts has not reached its "
                f"stationary distribution in {_MOST_STEPS} steps (last change "
                f"{change:.1e}). Adapt it with more smoothing."
            )
    return (pi / pi.sum()).reshape((num_states,) * order)


def entropy_rate(probabilities):
    """Entropy of the next symbol, given its context, in the long run.

    Args:
        probabilities: as for `stationary_distribution`.

    Returns:
        float, in nats.
    """
    probabilities = np.asarray(probabilities, "float64")
    logs = np.log(np.where(probabilities > 0.0, probabilities, 1.0))
    entropies = -np.sum(probabilities * logs, axis=-1)
    if probabilities.ndim == 1:
        return float(entropies)
    return float(np.sum(stationary_distribution(probabilities) * entropies))


def _step(pi, probabilities):
    """Distribution of contexts one symbol later."""
    num_states = probabilities.shape[-1]
    joint = pi[:, None] * probabilities.reshape(-1, num_states)
    # The oldest symbol, the first axis, leaves the context.
    return joint.reshape(num_states, -1).sum(0)


def _context_matrix(probabilities):
    num_states = probabilities.shape[-1]
    rows = probabilities.reshape(-1, num_states)
    matrix = np.zeros((len(rows), len(rows)))
    for code, row in enumerate(rows):
        first = code * num_states % len(rows)
        matrix[code, first : first + num_states] = row
    return matrix
