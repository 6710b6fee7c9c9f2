import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.layers.masked.masked_dense import MaskedDense
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.base.training_seeds import TrainingSeeds
from keras_genseq.models.density.density_model import CategoricalVectorModel
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_ordering
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import bernoulli_ensemble_log_prob
from keras_genseq.ops.masks import draw_degrees
from keras_genseq.ops.masks import units_by_degree
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class MADE(CategoricalVectorModel):
    """Masked autoencoder whose outputs are the conditionals of a density.

    Every hidden unit has a degree m and sees the first m dimensions alone; the
    output of the d-th dimension sees units of degrees below d. So one pass of
    an ordinary network gives all p(x_d = 1 | x_<d).

    With several masks (other degrees and, on request, another ordering each)
    one set of weights is trained under all of them, an update each in turn. The
    density is then that of the ensemble, (1 / S) sum_s p_s(x): an average of
    probabilities of whole examples, which sums to one.

    A unit of degree m is final as soon as m dimensions are known. The sampler
    therefore computes each unit once, in the step in which it becomes final:
    all dimensions together cost about one pass, not one pass each.

    Args:
        input_dim: int. Dimensions of an example.
        units: int, or sequence of ints. Widths of the hidden layers.
        num_masks: int. Masks of the ensemble.
        ordering: sequence of ints, a permutation of `range(input_dim)`:
            `ordering[d]` is visited d-th; None visits dimensions in order, and
            `"random"` gives each mask an ordering of its own.
        direct_connections: bool. Whether outputs see earlier dimensions
            directly too.
        activation: of the hidden units.
        kernel_initializer: initializer of all kernels.
        seed: int. Of degrees and random orderings, which are no weights: they
            follow from the arguments.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` zeros and ones.

    Returns:
        `(batch_size, members, input_dim)` float32 logits, aligned with `x`. In
        training there is one member, that of the update's mask, else
        `num_masks`.

    Raises:
        ValueError: if `ordering` is no permutation, or another argument has a
            value that is not listed here.

    Example:

    ```python
    digits = np.random.randint(0, 2, (8, 16)).astype("float32")
    model = models.MADE(16, [20, 20], num_masks=4, ordering="random")
    model.compile("adam")
    model.fit(digits, verbose=0)
    log_prob, samples = model.log_prob(digits), model.sample(2, seed=0)
    ```

    Differences from the paper: `sample` and `complete` draw an example from
    one member of the ensemble, which its seed chooses.

    References:
        - [Germain et al., 2015](https://arxiv.org/abs/1502.03509)
    """

    presets = {
        "made_mnist": Preset(
            config={"input_dim": 784, "units": (8000, 8000), "num_masks": 32},
            # 784 * 8000 * 2 + 8000 * 8000 weights, 2 * 8000 + 784 biases.
            num_parameters=76_560_784,
            source="Germain et al., 2015, section 6.2: binarized MNIST",
        ),
        "made_mnist_authors": Preset(
            config={
                "input_dim": 784,
                "units": (8000, 8000),
                "num_masks": 32,
                "ordering": "random",
                "direct_connections": True,
                "kernel_initializer": "orthogonal",
            },
            # Those of `made_mnist`, and 784 * 784 direct ones.
            num_parameters=77_175_440,
            source="Germain et al., 2015: the command of the authors' code, "
            "whose orthogonal kernels take minutes and 4 GB to draw",
        ),
    }

    def __init__(
        self,
        input_dim,
        units,
        *,
        num_masks=1,
        ordering=None,
        direct_connections=False,
        activation="relu",
        kernel_initializer="glorot_uniform",
        seed=0,
        **kwargs,
    ):
        units = (units,) if np.ndim(units) == 0 else tuple(units)
        units = as_counts(units, "units")
        num_masks = check_counts(num_masks=num_masks)
        if not units:
            raise ValueError("`units` must name at least one hidden layer.")
        direct_connections = check_flags(direct_connections=direct_connections)
        super().__init__(input_dim, **kwargs)
        self.seed = TrainingSeeds(seed).seed
        self.units = units
        self.num_masks = num_masks
        self.ordering = (
            ordering
            if ordering == "random"
            else as_ordering(ordering, input_dim)
        )
        self.direct_connections = direct_connections
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self._draw_masks()

        def dense(width, name, **options):
            return MaskedDense(
                width,
                kernel_initializer=_copy(self.kernel_initializer, name),
                name=name,
                dtype=self.dtype_policy,
                **options,
            )

        self.hidden_layers = [
            dense(width, f"hidden_{i}", activation=self.activation)
            for i, width in enumerate(units, 1)
        ]
        self.output_layer = dense(self.input_dim, "output", strict=True)
        self.direct_layer = None
        if direct_connections:
            self.direct_layer = dense(
                self.input_dim, "direct", strict=True, use_bias=False
            )
        self.build((None, input_dim))

    def _draw_masks(self):
        """Orderings, degrees of all layers, and units by their degrees."""
        random = np.random.RandomState(self.seed)
        orderings, degrees = [], []
        for _ in range(self.num_masks):
            ordering = np.arange(self.input_dim)
            if self.ordering == "random":
                ordering = random.permutation(self.input_dim)
            elif self.ordering is not None:
                ordering = np.array(self.ordering)
            orderings.append(ordering.astype("int32"))
            hidden = draw_degrees(self.input_dim, self.units, random)
            # Position 1 to D: the d-th dimension has degree d.
            positions = np.argsort(ordering).astype("int32") + 1
            degrees.append([positions, *hidden])
        self._orderings = np.stack(orderings)
        self._degrees = [
            np.stack(layer) for layer in zip(*degrees, strict=True)
        ]
        self._units_by_degree = [
            _stack_padded(
                [units_by_degree(d, self.input_dim) for d in layer], width
            )
            for layer, width in zip(self._degrees[1:], self.units, strict=True)
        ]

    def build(self, input_shape):
        width = self.input_dim
        for layer in self.hidden_layers:
            layer.build((None, width))
            width = layer.units
        self.output_layer.build((None, width))
        if self.direct_layer is not None:
            self.direct_layer.build((None, self.input_dim))
        self.add_counter()
        self.built = True

    def call(self, x, training=False):
        if training and self.num_masks > 1:
            turn = ops.convert_to_tensor(self.updates) % self.num_masks
            member = ops.cast(turn, "int32")
            return self._member_logits(x, member)[:, None]
        if self.num_masks == 1:
            return self._member_logits(x, 0)[:, None]
        members = ops.arange(self.num_masks, dtype="int32")
        _, logits = scan(
            lambda carry, member: (carry, self._member_logits(x, member)),
            (),
            members,
        )
        return ops.transpose(logits, (1, 0, 2))

    def _member_logits(self, x, member):
        """Logits under one mask: `(batch_size, input_dim)`."""
        positions, *hidden = (
            ops.take(layer, member, axis=0) for layer in self._degrees
        )
        h, before = x, positions
        for layer, degrees in zip(self.hidden_layers, hidden, strict=True):
            h = layer(h, degrees=(before, degrees))
            before = degrees
        logits = self.output_layer(h, degrees=(before, positions))
        if self.direct_layer is not None:
            logits = logits + self.direct_layer(
                x, degrees=(positions, positions)
            )
        return ops.cast(logits, "float32")

    def log_prob_from_logits(self, x, logits):
        return bernoulli_ensemble_log_prob(x, logits)

    def train_step(self, data):
        logs = super().train_step(data)
        self.updates.assign_add(1)
        return logs

    def draw(self, x, mask, seeds, temperature):
        # Temperature 0 is the limit, not a division by zero.
        sharpness = 1.0 / ops.maximum(temperature, 1e-6)
        choice = row_uniform(seeds, 1, stream=1)[:, 0] * self.num_masks
        member = ops.cast(choice, "int32")
        orderings = ops.take(self._orderings, member, axis=0)
        steps = (
            np.arange(self.input_dim, dtype="int32"),
            ops.transpose(orderings),
            ops.transpose(ops.take_along_axis(x, orderings, axis=1)),
            ops.transpose(ops.take_along_axis(mask, orderings, axis=1)),
            ops.transpose(row_uniform(seeds, self.input_dim)),
        )
        listeners = [_Listeners(layer) for layer in self.hidden_layers]
        outputs = _Listeners(self.output_layer)
        direct = self.direct_layer and _Listeners(self.direct_layer)

        def step(known, inputs):
            t, dimension, value, shown, uniform = inputs
            # Only dimensions already visited are in `known`, and only units
            # that they determine: zeros stand where masks would.
            x, *hidden = known
            before, after = x, []
            for layer, table, h in zip(
                listeners, self._units_by_degree, hidden, strict=True
            ):
                units = ops.take(ops.take(table, t, axis=1), member, axis=0)
                h = _put(h, units, layer.at(units, before, self.num_masks == 1))
                after.append(h)
                before = h
            dimension = dimension[:, None]
            logit = outputs.at(dimension, before)
            if direct is not None:
                logit = logit + direct.at(dimension, x)
            logit = logit[:, 0]
            drawn = uniform < ops.sigmoid(logit * sharpness)
            value = ops.where(shown, value, ops.cast(drawn, "float32"))
            x = _put(x, dimension, value[:, None])
            return (x, *after), value

        # One more than there are: where padding is put.
        blank = ops.zeros_like(x[:, :1])
        known = tuple(
            ops.tile(blank, (1, width + 1))
            for width in (self.input_dim, *self.units)
        )
        known, _ = scan(step, known, steps)
        return known[0][:, : self.input_dim]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_masks, input_shape[1])

    def get_config(self):
        ordering = self.ordering
        is_list = isinstance(ordering, tuple)
        return {
            **super().get_config(),
            "units": list(self.units),
            "num_masks": self.num_masks,
            "ordering": list(ordering) if is_list else ordering,
            "direct_connections": self.direct_connections,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "seed": self.seed,
        }


class _Listeners:
    """Single units of a dense layer, by their numbers, in float32."""

    def __init__(self, layer):
        # A unit's weights lie side by side: gathering columns would not.
        self.kernel = ops.transpose(ops.cast(layer.kernel, "float32"))
        self.bias = None
        if layer.bias is not None:
            self.bias = ops.cast(layer.bias, "float32")
        self.activation = layer.activation

    def at(self, units, inputs, same_in_all_rows=False):
        """Values `(batch_size, count)` of units `(batch_size, count)`.

        Numbers past the last unit give values of no meaning.
        """
        units = ops.minimum(units, self.kernel.shape[0] - 1)
        inputs = inputs[:, : self.kernel.shape[1]]
        if same_in_all_rows:
            kernel = ops.take(self.kernel, units[0], axis=0)
            x = ops.matmul(inputs, ops.transpose(kernel))
        else:
            kernel = ops.take(self.kernel, units, axis=0)
            x = ops.einsum("buh,bh->bu", kernel, inputs)
        if self.bias is not None:
            x = x + ops.take(self.bias, units, axis=0)
        return x if self.activation is None else self.activation(x)


def _put(x, columns, values):
    """Writes `(batch_size, count)` values into columns of each row."""
    rows = ops.arange(ops.shape(x)[0], dtype="int32")[:, None]
    rows = ops.broadcast_to(rows, ops.shape(columns))
    indices = ops.stack([rows, columns], axis=-1)
    return tf.tensor_scatter_nd_update(x, indices, values)


def _stack_padded(tables, padding):
    width = max(table.shape[1] for table in tables)
    return np.stack(
        [
            np.pad(
                t,
                ((0, 0), (0, width - t.shape[1])),
                constant_values=padding,
            )
            for t in tables
        ]
    )


def _copy(initializer, name):
    """The same law for another kernel: other numbers under the same seed."""
    config = initializer.get_config()
    if config.get("seed") is not None:
        config["seed"] += sum(map(ord, name))
    return initializer.__class__.from_config(config)
