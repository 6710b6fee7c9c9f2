import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy import optimize
from scipy import sparse
from scipy import special

from keras_genseq.metrics import Perplexity
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import all_states


@keras.saving.register_keras_serializable(package="keras_genseq")
class CategoricalAutoregressiveModel(SequenceModel):
    """AR(tau) over symbols: a softmax of the last ones.

    Without hidden units the logits are linear in the one-hot window,

        logits_t = b + sum_i W_i[x_{t-i}]

    where a table of the same order has a row for every window: as many
    parameters as symbols squared, times the order, not to its power. At order
    1 the two are the same model. With hidden units, a perceptron reads the
    embedded window. Before the first step of a sequence stands a symbol of its
    own, so that every step is scored.

    Args:
        num_states: int. Symbols are the ids below it (the papers' m).
        order: int. Symbols that the next one depends on (the papers' tau).
        hidden_units: tuple of ints. Widths of the hidden layers; `()` is the
            linear model.
        embedding_dim: int. Width of an embedded symbol, with hidden units.
        activation: activation of the hidden layers.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, time)` int32 ids. Steps of -1 are padding, wherever
            they stand: they are not scored, and a new window begins after
            them.

    Returns:
        `(batch_size, time, num_states)` float32 logits; those of a step depend
        on the `order` steps before it, and on no other.

    Example:

    ```python
    token_ids = np.random.randint(0, 3, (8, 10))
    model = models.CategoricalAutoregressiveModel(3, order=2)
    model.adapt(token_ids)  # maximum likelihood; `fit` descends to it
    log_prob = model.log_prob(token_ids)
    ```

    Differences from the paper: none known.
    """

    padding_value = -1

    def __init__(
        self,
        num_states,
        *,
        order=1,
        hidden_units=(),
        embedding_dim=16,
        activation="relu",
        **kwargs,
    ):
        hidden_units = as_counts(hidden_units, "hidden_units")
        order, embedding_dim = check_counts(
            order=order, embedding_dim=embedding_dim
        )
        num_states = as_int(num_states, "num_states", minimum=2)
        super().__init__((), "int32", **kwargs)
        self.num_states = num_states
        self.order = order
        self.hidden_units = hidden_units
        self.embedding_dim = embedding_dim
        self.activation = keras.activations.get(activation)
        self.perplexity = Perplexity(dtype="float32")
        self.hidden_layers = [
            keras.layers.Dense(units, self.activation, dtype="float32")
            for units in hidden_units
        ]
        self.build((None, None))

    def build(self, input_shape):
        def add_weight(name, shape, initializer):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
            )

        # One row more than symbols: what stands before a sequence.
        rows = self.num_states + 1
        if self.hidden_units:
            self.embeddings = add_weight(
                "embeddings", (rows, self.embedding_dim), "random_normal"
            )
            width = self.order * self.embedding_dim
            for layer in self.hidden_layers:
                layer.build((None, width))
                width = layer.units
            shape, initializer = (width, self.num_states), "glorot_uniform"
        else:
            # Lag 1 comes first.
            shape, initializer = (self.order * rows, self.num_states), "zeros"
        self.kernel = add_weight("kernel", shape, initializer)
        self.bias = add_weight("bias", (self.num_states,), "zeros")
        self.built = True

    def call(self, x):
        return self._conditional(windows(x, self.order, self.num_states))

    def log_prob_from_logits(self, x, logits):
        log_probs = ops.log_softmax(logits, axis=-1)
        ids = ops.maximum(x, 0)[..., None]
        terms = ops.take_along_axis(log_probs, ids, axis=-1)[..., 0]
        return ops.sum(ops.where(x >= 0, terms, 0.0), axis=1)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniform(seeds, ops.shape(x)[1])

        def step(window, inputs):
            shown_id, shown, uniform = inputs
            drawn = categories_from_uniforms(
                self._conditional(window), uniform, temperature
            )
            symbol = ops.where(shown, shown_id, drawn)
            window = ops.concatenate([symbol[:, None], window[:, :-1]], axis=1)
            # Padding ends a sequence: nothing stands before the next symbol.
            ended = (symbol < 0)[:, None]
            return ops.where(ended, self.num_states, window), symbol

        rows = ops.shape(x)[0]
        first = ops.zeros((rows, self.order), "int32") + self.num_states
        inputs = [ops.transpose(t) for t in (x, mask, uniforms)]
        _, x = scan(step, first, tuple(inputs))
        return ops.transpose(x)

    def adapt(self, dataset, l2=0.0, max_iterations=1000):
        """Sets a linear model by maximum likelihood, a convex problem.

        Args:
            dataset: array of ids `(num_examples, time)`, or `tf.data.Dataset`
                of batches of such; the different windows are held in memory
                together, with the counts of what followed them.
            l2: float. Nats that a unit of squared weight costs, over all the
                data; above 0 no logit grows without bound where the data never
                show a symbol.
            max_iterations: int. Steps of L-BFGS at most.

        Raises:
            ValueError: if the model has hidden layers, `l2` is negative, or
                the data hold no symbol.
        """
        if self.hidden_units:
            raise ValueError(
                "`adapt` solves the linear model. Train a model with hidden "
                "layers by `fit`. "
                f"Received: hidden_units={self.hidden_units}"
            )
        if l2 < 0.0:
            raise ValueError(f"`l2` must not be negative. Received: l2={l2}")
        keys = self._count(dataset)
        kernel, bias = _most_likely(*keys, self.num_states, l2, max_iterations)
        self.kernel.assign(kernel)
        self.bias.assign(bias)

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
            "hidden_units": list(self.hidden_units),
            "embedding_dim": self.embedding_dim,
            "activation": keras.activations.serialize(self.activation),
        }

    def _conditional(self, windows):
        """Logits of the symbols that follow windows, `(..., order)`."""
        if not self.hidden_units:
            rows = windows + np.arange(self.order) * (self.num_states + 1)
            parts = ops.take(self.kernel, ops.cast(rows, "int32"), axis=0)
            return ops.sum(parts, axis=-2) + self.bias
        h = ops.take(self.embeddings, windows, axis=0)
        width = self.order * self.embedding_dim
        h = ops.reshape(h, (*ops.shape(windows)[:-1], width))
        for layer in self.hidden_layers:
            h = layer(h)
        return ops.matmul(h, self.kernel) + self.bias

    def _count(self, dataset):
        """Different windows, and how often each symbol followed each."""
        is_dataset = isinstance(dataset, tf.data.Dataset)
        rows = []
        for x in dataset if is_dataset else [dataset]:
            x = self.check_inputs(x)
            window = windows(x, self.order, self.num_states)
            both = np.concatenate([window, x[..., None]], axis=-1)
            rows.append(both[x.numpy() >= 0])
        rows = np.concatenate(rows) if rows else np.zeros((0, 1))
        if not len(rows):
            raise ValueError(
                "`adapt` received no symbol: the data set has no examples, or "
                "nothing but padding."
            )
        different, places = np.unique(rows[:, :-1], axis=0, return_inverse=True)
        counts = np.zeros((len(different), self.num_states))
        np.add.at(counts, (places.ravel(), rows[:, -1]), 1.0)
        return different, counts


def windows(x, order, num_states):
    """The symbols before each step, latest first.

    Args:
        x: `(batch_size, time)` int32 ids; -1 is padding.
        order: int.
        num_states: int. Stands for what lies before a sequence, or on the
            other side of padding.

    Returns:
        `(batch_size, time, order)` int32 tensor.
    """
    num_steps = ops.shape(x)[1]
    lags, inside = [], True
    for lag in range(1, order + 1):
        before = ops.pad(x, [[0, 0], [lag, 0]], constant_values=-1)
        before = before[:, :num_steps]
        inside = (before >= 0) & inside
        lags.append(ops.where(inside, before, num_states))
    return ops.cast(ops.stack(lags, axis=-1), "int32")


def _most_likely(windows, counts, num_states, l2, max_iterations):
    """Kernel and bias of the linear model that make the counts likeliest."""
    num_windows, order = windows.shape
    columns = windows + np.arange(order) * (num_states + 1)
    one_hot = sparse.csr_array(
        (
            np.ones(columns.size),
            (np.repeat(np.arange(num_windows), order), columns.ravel()),
        ),
        shape=(num_windows, order * (num_states + 1)),
    )
    totals = counts.sum(1, keepdims=True)
    scale = 1.0 / totals.sum()
    cut = one_hot.shape[1] * num_states

    def loss(flat):
        kernel, bias = flat[:cut].reshape(-1, num_states), flat[cut:]
        log_probs = special.log_softmax(one_hot @ kernel + bias, axis=1)
        excess = np.exp(log_probs) * totals - counts
        gradient = np.concatenate(
            [
                (one_hot.T @ excess + 2.0 * l2 * kernel).ravel(),
                excess.sum(0),
            ]
        )
        nats = l2 * np.sum(kernel**2) - np.sum(counts * log_probs)
        return nats * scale, gradient * scale

    solution = optimize.minimize(
        loss,
        np.zeros(cut + num_states),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "ftol": 1e-14, "gtol": 1e-9},
    ).x
    return solution[:cut].reshape(-1, num_states), solution[cut:]
