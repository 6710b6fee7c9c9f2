import keras
import numpy as np
from keras import ops

from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.density.density_model import CategoricalVectorModel
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import bernoulli_ensemble_log_prob
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import as_tensor

# Streams of a row's seed.
_PROBABILITY_STREAM = 1
_SUBSET_STREAM = 2
_MEMBER_STREAM = 3
_HIDDEN_STREAM = 4


@keras.saving.register_keras_serializable(package="keras_genseq")
class DeepNADE(CategoricalVectorModel):
    """One network for the conditionals of all orderings: orderless NADE.

    It is shown some dimensions, and which ones they are, and gives the
    probability of a one for each of the others:

        h1 = g((x * m) W + m F + b),  h2 = g(h1 U + c), ...,  logits = h V + d

    Training shows a random part: a number of dimensions drawn evenly from 0 to
    D - 1, and then that many. The loss of what is hidden, times D over how much
    that is, is on average the negative log-likelihood over all orderings;
    `fit` and `evaluate` report it as `nll`.

    The density of one ordering takes D steps, of which each adds one dimension
    to the first layer's sums. With several orderings the model is their
    ensemble (EoNADE), (1 / K) sum_k p_k(x), an average of probabilities of
    whole examples. `log_prob` is exact for these orderings.

    Any dimensions can be completed given any others, and `conditionals` gives
    the probability of each one in a single pass.

    Args:
        input_dim: int. Dimensions of an example.
        units: int, or sequence of ints. Widths of the hidden layers.
        num_orderings: int. Members of the ensemble.
        activation: of the hidden units.
        kernel_initializer: initializer of all kernels.
        seed: int. Of the orderings, which are no weights, and of what training
            shows; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` zeros and ones.

    Returns:
        `(batch_size, num_orderings, input_dim)` float32 logits, aligned with
        `x`: those of one member depend on what comes before in its ordering.

    Raises:
        ValueError: if a width or a number is no positive int.

    Example:

    ```python
    digits = np.random.randint(0, 2, (8, 16)).astype("float32")
    model = models.DeepNADE(16, [20, 20], num_orderings=2)
    model.compile("adam")
    model.fit(digits, verbose=0)
    known = np.zeros((8, 16), bool)
    completed = model.complete(digits, known, seed=0)
    ```

    Differences from the paper: `sample` and `complete` draw an example by one
    ordering, which its seed chooses; probabilities are not squashed.

    References:
        - [Uria et al., 2014](https://arxiv.org/abs/1310.1757)
        - [Uria et al., 2016](https://arxiv.org/abs/1605.02226), section 5
    """

    presets = {
        "deep_nade_mnist": Preset(
            config={
                "input_dim": 784,
                "units": (500, 500),
                "num_orderings": 128,
            },
            # 2 * 784 * 500 + 500 * 500 + 500 * 784 weights, and biases.
            num_parameters=1_427_784,
            source="Uria et al., 2016, section 6.1: binarized MNIST",
        ),
    }

    def __init__(
        self,
        input_dim,
        units,
        *,
        num_orderings=1,
        activation="relu",
        kernel_initializer="glorot_uniform",
        seed=0,
        **kwargs,
    ):
        units = (units,) if np.ndim(units) == 0 else tuple(units)
        units = as_counts(units, "units")
        num_orderings = check_counts(num_orderings=num_orderings)
        if not units:
            raise ValueError("`units` must name at least one hidden layer.")
        super().__init__(input_dim, **kwargs)
        self.draw_noise_from(seed)
        self.units = units
        self.num_orderings = num_orderings
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        random = np.random.RandomState(self.seed)
        self._orderings = np.stack(
            [random.permutation(input_dim) for _ in range(num_orderings)]
        ).astype("int32")

        def dense(width, name, activation=None):
            return keras.layers.Dense(
                width,
                activation=activation,
                kernel_initializer=self.kernel_initializer.clone(),
                name=name,
                dtype=self.dtype_policy,
            )

        self.hidden_layers = [
            dense(width, f"hidden_{i}", self.activation)
            for i, width in enumerate(units, 1)
        ]
        self.output_layer = dense(self.input_dim, "output")
        self.build((None, input_dim))

    def build(self, input_shape):
        width = 2 * self.input_dim
        for layer in self.hidden_layers:
            layer.build((None, width))
            width = layer.units
        self.output_layer.build((None, width))
        self.add_counter()
        self.built = True

    def call(self, x):
        layers = _InFloat32(self)

        def member(carry, ordering):
            return carry, self._logits_by_ordering(layers, x, ordering)

        _, logits = scan(member, (), ops.convert_to_tensor(self._orderings))
        return ops.transpose(logits, (1, 0, 2))

    def _logits_by_ordering(self, layers, x, ordering):
        """Logits of one member, `(batch_size, input_dim)`."""
        x = ops.cast(x, "float32")

        def step(sums, inputs):
            x_d, value_row, shown_row, column, bias = inputs
            h = layers.hidden(sums)
            logit = ops.matmul(h, column) + bias
            return sums + x_d[:, None] * value_row + shown_row, logit

        tables = (
            ops.transpose(x),
            layers.values,
            layers.shown,
            layers.columns,
            layers.biases,
        )
        inputs = [ops.take(table, ordering, axis=0) for table in tables]
        first = ops.zeros_like(x[:, :1]) + layers.bias
        _, logits = scan(step, first, inputs)
        return ops.take(ops.transpose(logits), ops.argsort(ordering), axis=1)

    def masked_logits(self, x, mask):
        """Logits of all dimensions, given those that the mask shows.

        Args:
            x: `(batch_size, input_dim)` zeros and ones.
            mask: booleans, same shape; True shows the value of `x`.

        Returns:
            `(batch_size, input_dim)` float32 tensor, of meaning where the mask
            is False.
        """
        shown = ops.cast(mask, "float32")
        h = ops.concatenate([ops.cast(x, "float32") * shown, shown], axis=-1)
        for layer in self.hidden_layers:
            h = layer(h)
        return ops.cast(self.output_layer(h), "float32")

    def masked_nll(self, x, mask):
        """Negative log-likelihood as estimated from one part shown.

        Over masks as training draws them, its mean is that of the negative
        log-likelihoods of all orderings.

        Args:
            x: as for `masked_logits`.
            mask: as for `masked_logits`; not all True.

        Returns:
            `(batch_size,)` float32 tensor, in nats.
        """
        x = ops.cast(x, "float32")
        logits = self.masked_logits(x, mask)
        hidden = 1.0 - ops.cast(mask, "float32")
        nats = ops.sum(hidden * (ops.softplus(logits) - x * logits), axis=-1)
        return nats * self.input_dim / ops.sum(hidden, axis=-1)

    def example_losses(self, x, y, *, training, seeds=None):
        if seeds is None:
            seeds = self.training_seeds.of_examples(x)
        nll = self.masked_nll(x, self._drawn_masks(seeds))
        return nll, {"nll": nll, "bits_per_dim": nll}

    def _drawn_masks(self, seeds):
        """True for n dimensions of each row, n evenly from 0 to D - 1.

        One dimension is hidden; the others are shown independently, with a
        probability that is drawn evenly, too. That makes n even, without
        sorting.
        """
        size = self.input_dim
        probability = row_uniform(seeds, 1, stream=_PROBABILITY_STREAM)
        shown = row_uniform(seeds, size, stream=_SUBSET_STREAM) < probability
        hidden = row_uniform(seeds, 1, stream=_HIDDEN_STREAM) * size
        return ops.logical_and(
            shown, ops.arange(size, dtype="int32") != ops.cast(hidden, "int32")
        )

    def log_prob_from_logits(self, x, logits):
        return bernoulli_ensemble_log_prob(x, logits)

    def conditionals(self, x, mask, *, batch_size=256):
        """Probabilities of ones, each given all that the mask shows.

        Args:
            x: `(num_examples, input_dim)` zeros and ones; hidden values do not
                matter.
            mask: booleans, same shape; True shows the value of `x`.
            batch_size: int. Examples worked on at once.

        Returns:
            `(num_examples, input_dim)` float32 tensor; `x` where it is shown.

        Raises:
            ValueError: as for `complete`.
        """
        rows = self.check_masked(as_tensor(x, "x"), as_tensor(mask, "mask"))
        return map_rows(
            self.compile_method(self._conditionals), rows, batch_size
        )

    def draw(self, x, mask, seeds, temperature):
        # Temperature 0 is the limit, not a division by zero.
        sharpness = 1.0 / ops.maximum(temperature, 1e-6)
        layers = _InFloat32(self)
        orderings = self._orderings_from(mask, seeds)
        shown = ops.cast(mask, "float32")
        first = layers.bias + ops.matmul(x * shown, layers.values)
        first = first + ops.matmul(shown, layers.shown)

        def step(sums, inputs):
            dimension, value, is_shown, uniform = inputs
            column = ops.take(layers.columns, dimension, axis=0)
            logit = ops.sum(layers.hidden(sums) * column, axis=-1)
            logit = logit + ops.take(layers.biases, dimension)
            drawn = ops.cast(uniform < ops.sigmoid(logit * sharpness), x.dtype)
            value = ops.where(is_shown, value, drawn)
            more = value[:, None] * ops.take(layers.values, dimension, axis=0)
            more = more + ops.take(layers.shown, dimension, axis=0)
            return ops.where(is_shown[:, None], sums, sums + more), value

        steps = (
            ops.transpose(orderings),
            ops.transpose(ops.take_along_axis(x, orderings, axis=1)),
            ops.transpose(ops.take_along_axis(mask, orderings, axis=1)),
            ops.transpose(row_uniform(seeds, self.input_dim)),
        )
        _, values = scan(step, first, steps)
        return ops.take_along_axis(
            ops.transpose(values), ops.argsort(orderings, axis=1), axis=1
        )

    def _orderings_from(self, mask, seeds):
        """For each row an ordering of its own, what is shown first."""
        choice = row_uniform(seeds, 1, stream=_MEMBER_STREAM)[:, 0]
        member = ops.cast(choice * self.num_orderings, "int32")
        positions = np.argsort(self._orderings, axis=1).astype("int32")
        positions = ops.take(positions, member, axis=0)
        return ops.argsort(
            ops.where(mask, positions, positions + self.input_dim), axis=1
        )

    def _conditionals(self, x, mask):
        probabilities = ops.sigmoid(self.masked_logits(x, mask))
        return ops.where(mask, x, probabilities)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_orderings, input_shape[1])

    def get_config(self):
        return {
            **super().get_config(),
            "units": list(self.units),
            "num_orderings": self.num_orderings,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "seed": self.seed,
        }


class _InFloat32:
    """The weights of a `DeepNADE` as its loops over dimensions need them."""

    def __init__(self, model):
        first, *others = model.hidden_layers
        kernel = _float32(first.kernel)
        self.values = kernel[: model.input_dim]
        self.shown = kernel[model.input_dim :]
        self.bias = _float32(first.bias)
        self.others = [(_float32(o.kernel), _float32(o.bias)) for o in others]
        self.columns = ops.transpose(_float32(model.output_layer.kernel))
        self.biases = _float32(model.output_layer.bias)
        self.activation = model.activation

    def hidden(self, sums):
        """The last hidden layer, given the sums that enter the first."""
        h = self.activation(sums)
        for kernel, bias in self.others:
            h = self.activation(ops.matmul(h, kernel) + bias)
        return h


def _float32(variable):
    return ops.cast(variable, "float32")
