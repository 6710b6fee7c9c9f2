"""How far gradients reach back in time, and what stands in their way."""

import keras
import numpy as np
import tensorflow as tf

# What a sigmoid or a tangent no longer moves away from.
_LOW, _HIGH = 0.1, 0.9
_FIRST_LAG = 10
_LEAST_NORM = 1e-30


def state_gradient_norms(layer, x, direction):
    """Norm of the gradient of the last output with respect to earlier states.

    The scalar that is differentiated is the last output along a unit vector v,
    so the norm at lag k is that of `(dh_T / ds_{T-k})^T v`, where s are all
    states of the cell (of an LSTM, the hidden and the cell state together). It
    is 1 at lag 0.

    Args:
        layer: built recurrent layer.
        x: `(batch_size, time, features)` array.
        direction: `(units,)` unit vector v.

    Returns:
        float64 array `(time,)`: the mean over the batch, lag 0 first.
    """
    num_states = len(layer.cell.state_names)
    x = tf.constant(x, tf.float32)
    states = [tf.zeros((len(x), layer.units))] * num_states
    visited = []
    with tf.GradientTape() as tape:
        for t in range(x.shape[1]):
            _, states = layer.cell(x[:, t], states)
            # Copies: what the tape holds on to must be what is passed on.
            states = [tf.identity(state) for state in states]
            visited.append(states)
        last = tf.reduce_sum(visited[-1][0] * direction)
    gradients = tape.gradient(
        last, visited, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    # Squares of what has vanished would be 0 in float32.
    gradients = [np.concatenate(step, axis=1) for step in gradients]
    gradients = np.stack(gradients).astype("float64")
    return np.linalg.norm(gradients, axis=-1).mean(1)[::-1]


def contraction(norms, first_lag=_FIRST_LAG):
    """Factor by which the norm changes from one lag to the next.

    Args:
        norms: `(time,)` array, lag 0 first.
        first_lag: int. Lags before it are left out of the fit.

    Returns:
        float: `exp` of the slope of the logarithm.
    """
    lags = np.arange(len(norms))
    kept = (lags >= first_lag) & (norms > _LEAST_NORM)
    if kept.sum() < 2:
        raise ValueError(
            f"A slope from lag {first_lag} on needs more lags. Received "
            f"{len(norms)}, of which {kept.sum()} have a norm that is not 0."
        )
    slope, _ = np.polyfit(lags[kept], np.log(norms[kept]), 1)
    return float(np.exp(slope))


def saturation(layer, x):
    """Share of the activations that hardly move any more.

    Args:
        layer: built recurrent layer.
        x: `(batch_size, time, features)` array.

    Returns:
        dict of name of a gate to float: the share of a sigmoid gate below 0.1
        or above 0.9, of a candidate or a hidden state beyond 0.9 in size.
    """
    shares = {}
    for name, values in layer.gates(x).items():
        values = keras.ops.convert_to_numpy(values)
        if name.endswith("_gate"):
            saturated = (values < _LOW) | (values > _HIGH)
        elif name == "cell_state":
            # Not squashed: it cannot saturate.
            continue
        else:
            saturated = np.abs(values) > _HIGH
        shares[name] = float(saturated.mean())
    return shares


def train_with_clipping(model, batches, *, clip, learning_rate):
    """Trains by gradient descent, and looks at every gradient.

    Args:
        model: a `Trainer` with `example_losses`.
        batches: iterable of `(x, y)`.
        clip: float, the largest global norm of a gradient that is applied, or
            None.
        learning_rate: float.

    Returns:
        dict of `(num_batches,)` arrays: `loss`, `norm` before clipping and
        `applied_norm` after it. Training that diverges ends in NaN.
    """
    optimizer = keras.optimizers.SGD(learning_rate)
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(x, y):
        with tf.GradientTape() as tape:
            losses, _ = model.example_losses(x, y, training=True)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, variables)
        norm = tf.linalg.global_norm(gradients)
        if clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip, norm)
        optimizer.apply(gradients, variables)
        return loss, norm, tf.linalg.global_norm(gradients)

    rows = np.array([[float(v) for v in step(x, y)] for x, y in batches])
    return dict(zip(("loss", "norm", "applied_norm"), rows.T, strict=True))
