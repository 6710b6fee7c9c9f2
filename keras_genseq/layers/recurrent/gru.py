import keras

from keras_genseq.layers.recurrent.gru_cell import GRUCell
from keras_genseq.layers.recurrent.recurrent_layer import RecurrentLayer
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras


@keras.saving.register_keras_serializable(package="keras_genseq")
class GRU(keras.layers.GRU, RecurrentLayer):
    """Gated recurrent unit over a sequence.

    z, r = sigma(x_t W + h_{t-1} U + b), each with its own weights
    g = tanh(x_t W_h + b_h + r * (h_{t-1} U_h + b'_h))
    h_t = z * h_{t-1} + (1 - z) * g

    With `reset_after=False` the reset gate acts before the product, on the
    state itself: `(r * h_{t-1}) U_h`.

    A drop-in for `keras.layers.GRU`: the same weights, arguments, defaults
    and results. It trains faster on a CPU: one product for all inputs, compiled
    loops, and a backward pass by hand. On a GPU it takes cuDNN where Keras
    does.

    Args:
        units: int. Width of the state, the papers' n.
        *args, **kwargs: passed to `keras.layers.GRU`; and
            `jit_compile`, bool or `"auto"`: whether XLA compiles the loops.
            `"auto"` does so in training steps of static length and never for
            inference, so that what is exported runs on any server.

    Call arguments:
        sequences: `(batch_size, time, features)`.
        initial_state: optional list of states before the first step.
        mask: optional `(batch_size, time)` booleans; where False, a step
            leaves the states as they were.
        training: bool. Whether dropout acts.

    Returns:
        The last output `(batch_size, units)`, or with `return_sequences` all
        of them, `(batch_size, time, units)`; with `return_state` followed by
        the hidden state, `(batch_size, units)`.

    Raises:
        ValueError: if `units` is not a positive int, or another argument has a
            value that Keras does not know.

    Example:

    ```python
    x = np.random.normal(size=(2, 5, 3)).astype("float32")
    layer = layers.GRU(4, return_sequences=True)
    y = layer(x)
    gates = layer.gates(x)  # dict: `update_gate`, `reset_gate`, ...
    table = keras.layers.Embedding(9, 3)
    table.build(None)
    y = layer.call_tokens(np.array([[1, 2, 3]]), table.embeddings)

    # From a layer of Keras, and back.
    theirs = keras.layers.GRU.from_config(layer.keras_config())
    theirs(x)
    theirs.set_weights(layer.get_weights())
    layer = layers.GRU.from_config(theirs.get_config())
    ```

    A `.keras` file of Keras's layers loads as theirs, whatever
    `custom_objects` say; `keras.models.clone_model` replaces them:

    ```python
    def ours(layer):
        own = type(layer) is keras.layers.GRU
        kind = layers.GRU if own else type(layer)
        return kind.from_config(layer.get_config())

    model = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(4)])
    again = keras.models.clone_model(model, clone_function=ours)
    again.set_weights(model.get_weights())
    ```

    References:
        - [Cho et al., 2014](https://arxiv.org/abs/1406.1078)
    """

    cell_class = GRUCell

    def __init__(self, units, *args, **kwargs):
        units = check_counts(units=units)
        super().__init__(units, *args, **for_keras(kwargs))
