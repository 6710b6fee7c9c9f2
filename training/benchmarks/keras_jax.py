"""Training steps of Keras's own layers and of KerasHub's GPT-2 on JAX.

The backend of Keras is chosen when it is imported: a process of these
candidates imports nothing of ours that needs TensorFlow.
"""

import keras

KERAS_ON_JAX = "keras.layers on JAX"
KERAS_HUB_ON_JAX = "KerasHub GPT-2 on JAX"


def recurrent_steps(kind, units, weights, x, y, learning_rate, epsilon):
    """A step of embedding, recurrent layer and logits, by name.

    Args:
        kind: `"LSTM"` or `"GRU"`.
        units: int.
        weights: list of arrays, in Keras's order.
        x, y: `(batch_size, time)` arrays of token ids.
        learning_rate, epsilon: floats, of Adam.
    """
    vocabulary_size = len(weights[0])
    model = keras.Sequential(
        [
            keras.layers.Embedding(vocabulary_size, units),
            getattr(keras.layers, kind)(units, return_sequences=True),
            keras.layers.Dense(vocabulary_size),
        ]
    )
    model.build(x.shape)
    model.set_weights(weights)
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=epsilon)
    return {KERAS_ON_JAX: _step(model, optimizer, x, y)}


def language_model_steps(sizes, vocabulary_size, policy, y, learning_rate):
    """A step of KerasHub's model, with random weights, by name.

    Args:
        sizes: `training.benchmarks.transformer_workload.Sizes`.
        vocabulary_size: int.
        policy: str. Keras's dtype policy.
        y: `(rows, time)` array of token ids.
        learning_rate: float, of AdamW.
    """
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=vocabulary_size,
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        hidden_dim=sizes.hidden_dim,
        intermediate_dim=4 * sizes.hidden_dim,
        dropout=0.0,
        max_sequence_length=sizes.trained_length,
        dtype=policy,
    )
    hidden = backbone.output
    logits = backbone.token_embedding(hidden, reverse=True)
    model = keras.Model(backbone.input, logits)
    x = keras.ops.convert_to_numpy(keras.ops.pad(y[:, :-1], [[0, 0], [1, 0]]))
    inputs = {"token_ids": x, "padding_mask": x >= 0}
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=0.01)
    return {KERAS_HUB_ON_JAX: _step(model, optimizer, inputs, y)}


def _step(model, optimizer, x, y):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)

    def step():
        model.reset_metrics()
        return float(model.train_on_batch(x, y))

    return step
