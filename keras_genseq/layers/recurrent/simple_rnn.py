import keras

from keras_genseq.layers.recurrent.recurrent_layer import RecurrentLayer
from keras_genseq.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras


@keras.saving.register_keras_serializable(package="keras_genseq")
class SimpleRNN(keras.layers.SimpleRNN, RecurrentLayer):
    """Vanilla (Elman) recurrent network over a sequence.

    h_t = tanh(x_t W + h_{t-1} U + b)

    A drop-in for `keras.layers.SimpleRNN`: the same weights, arguments,
    defaults and results. It trains faster on a CPU: one product for all inputs,
    compiled loops, and a backward pass by hand. On a GPU it takes cuDNN where
    Keras does.

    Args:
        units: int. Width of the state, the papers' n.
        *args, **kwargs: passed to `keras.layers.SimpleRNN`; and
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
    layer = layers.SimpleRNN(4, return_sequences=True)
    y = layer(x)
    gates = layer.gates(x)  # dict: `hidden_state`
    table = keras.layers.Embedding(9, 3)
    table.build(None)
    y = layer.call_tokens(np.array([[1, 2, 3]]), table.embeddings)

    # From a layer of Keras, and back.
    theirs = keras.layers.SimpleRNN.from_config(layer.keras_config())
    theirs(x)
    theirs.set_weights(layer.get_weights())
    layer = layers.SimpleRNN.from_config(theirs.get_config())
    ```

    A `.keras` file of Keras's layers loads as theirs, whatever
    `custom_objects` say; `keras.models.clone_model` replaces them:

    ```python
    def ours(layer):
        own = type(layer) is keras.layers.SimpleRNN
        kind = layers.SimpleRNN if own else type(layer)
        return kind.from_config(layer.get_config())

    model = keras.Sequential([keras.Input((5, 3)), keras.layers.SimpleRNN(4)])
    again = keras.models.clone_model(model, clone_function=ours)
    again.set_weights(model.get_weights())
    ```

    References:
        - [Elman, 1990](https://doi.org/10.1207/s15516709cog1402_1)
    """

    cell_class = SimpleRNNCell

    def __init__(self, units, *args, **kwargs):
        units = check_counts(units=units)
        super().__init__(units, *args, **for_keras(kwargs))
