import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers.recurrent.recurrent_stack import RecurrentStack
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import ensure

_LEAST_TEMPERATURE = 1e-6


@keras.saving.register_keras_serializable(package="keras_genseq")
class RecurrentNoteModel(SequenceModel):
    """Polyphonic music over recurrent layers: chords as independent notes.

    Given everything that sounded before, each note of a step is on or off by
    itself:

        h_t = layers(x_{t-1}, h_{t-1}),  p(x_t[i] = 1) = sigma(h_t V + c)[i]

    This is the plain recurrent network of the benchmark of four collections of
    music, counted in nats per step. Before the first step there was silence.

    Args:
        num_notes: int. Notes that can sound at once, the keys of the piano.
        units: int. Width of every recurrent layer.
        cell: `"lstm"`, `"gru"` or `"simple_rnn"`.
        num_layers: int.
        dropout: float. Part of every layer's outputs that training drops.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, time, num_notes)` floats, 1 where a note sounds, else
            0; steps of -1 are padding, at the end of rows.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, time, num_notes)` float32 logits of the notes; those of a
        step depend on the steps before it alone.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    piano_rolls = np.random.randint(0, 2, (4, 8, 5)).astype("float32")
    model = models.RecurrentNoteModel(5, 8)
    model.compile("adam")
    model.fit(piano_rolls, verbose=0)
    samples = model.sample(2, seed=0, length=8)
    ```

    Differences from the paper: none known.

    References:
        - [Boulanger-Lewandowski et al., 2012](
          https://arxiv.org/abs/1206.6392)
    """

    padding_value = -1.0

    def __init__(
        self,
        num_notes,
        units,
        *,
        cell="lstm",
        num_layers=1,
        dropout=0.0,
        **kwargs,
    ):
        num_notes, units, num_layers = check_counts(
            num_notes=num_notes, units=units, num_layers=num_layers
        )
        super().__init__((num_notes,), "float32", **kwargs)
        self.num_notes = num_notes
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.dropout = dropout

        dtype = self.dtype_policy
        self.stack = RecurrentStack(
            units,
            cell=cell,
            num_layers=num_layers,
            dropout=dropout,
            dtype=dtype,
        )
        self.head = keras.layers.Dense(num_notes, dtype=dtype)
        self.build((None, None, num_notes))

    def build(self, input_shape):
        self.stack.build(input_shape)
        self.head.build((None, self.units))
        self.built = True

    def call(self, x, training=False):
        before = ops.pad(ops.cast(x, "float32"), [[0, 0], [1, 0], [0, 0]])
        before = before[:, : ops.shape(x)[1]]
        # A step counts if it has seen or predicts one that does.
        mask = _counts(before) | _counts(x)
        outputs, _ = self.stack(
            ops.maximum(before, 0.0), mask=mask, training=training
        )
        return ops.cast(self.head(outputs), "float32")

    def log_prob_from_logits(self, x, logits):
        x = ops.cast(x, "float32")
        terms = x * logits - ops.softplus(logits)
        terms = ops.where(_counts(x)[..., None], terms, 0.0)
        return ops.sum(terms, axis=(1, 2))

    def draw(self, x, mask, seeds, temperature):
        rows, steps = ops.shape(x)[:2]
        uniforms = row_uniform(seeds, steps * self.num_notes)
        uniforms = ops.reshape(uniforms, (rows, steps, self.num_notes))
        sharpness = 1.0 / ops.maximum(temperature, _LEAST_TEMPERATURE)

        def step(carry, inputs):
            last, states = carry
            given, shown, uniform = inputs
            outputs, states = self.stack.step(last, states)
            logits = ops.cast(self.head(outputs), "float32")
            on = uniform < ops.sigmoid(logits * sharpness[:, None])
            notes = ops.where(shown[:, None], given, ops.cast(on, "float32"))
            return (ops.maximum(notes, 0.0), states), notes

        silence = ops.zeros((rows, self.num_notes), "float32")
        states = [
            ops.cast(s, self.stack.compute_dtype)
            for s in self.stack.initial_states(rows)
        ]
        inputs = (
            ops.transpose(x, (1, 0, 2)),
            ops.transpose(mask),
            ops.transpose(uniforms, (1, 0, 2)),
        )
        _, x = scan(step, (silence, states), inputs)
        return ops.transpose(x, (1, 0, 2))

    def check_values(self, x, name, where=None):
        is_padding = tf.reduce_all(x == -1.0, axis=-1, keepdims=True)
        valid = (x == 0.0) | (x == 1.0) | is_padding
        if where is not None:
            valid = valid | ~where
        return ensure(
            x,
            tf.reduce_all(valid),
            f"`{name}` must hold 0 and 1, or steps of -1 throughout that do "
            "not count, and no NaN. Received at least one other value.",
        )

    def num_steps(self, x):
        return ops.sum(ops.cast(_counts(x), "float32"), axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_notes": self.num_notes,
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
        }


def _counts(x):
    """Where steps are no padding: `(batch_size, time)` booleans."""
    return x[..., 0] >= 0.0
