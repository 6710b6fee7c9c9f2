import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.density.density_model import FixedShapeDensity
from keras_genseq.ops.checks import as_ordering
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.mixtures import COMPONENTS
from keras_genseq.ops.mixtures import draw_from_mixture
from keras_genseq.ops.mixtures import mixture_log_density
from keras_genseq.ops.mixtures import scale_gradient
from keras_genseq.ops.nade import ACTIVATIONS
from keras_genseq.ops.nade import activate
from keras_genseq.ops.random import row_uniforms
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import all_finite
from keras_genseq.ops.values import check_flags

# Standard deviations on either side of the mean over which the components of
# a model that has seen no data are spread.
_SPREAD = 3.0


@keras.saving.register_keras_serializable(package="keras_genseq")
class RNADE(FixedShapeDensity):
    """Real-valued NADE: every conditional is a mixture of its own.

    As in NADE, a hidden layer sums up the dimensions already seen; from it
    come the weights, means and scales of a mixture for the next one:

        h_d = g(rho_d * (c + W[:d].T @ x[:d]))
        p(x_d | x_<d) = sum_k softmax(V_a[d] @ h_d + b_a[d])_k
                        * density(x_d; mean_k, exp(log_scale_k))

    All of it is in units of standardized data: `adapt` finds the means and
    deviations of the dimensions. Densities are those of the data as they are.

    Args:
        input_dim: int. Dimensions of an example (the papers' D).
        units: int. Hidden units (H).
        num_components: int. Components of each mixture (K).
        component: `"gaussian"` (RNADE-MoG) or `"laplacian"` (RNADE-MoL).
        ordering: sequence of ints, a permutation of `range(input_dim)`:
            `ordering[d]` is visited d-th. None visits them in order.
        activation: `"sigmoid"`, `"tanh"` or `"relu"`.
        scale_mean_gradients: bool. Multiply the gradient of each mean by the
            scale of its component, which keeps narrow ones from exploding.
        least_log_scale: float. Components get no narrower than that, so that
            a value that repeats does not make the density infinite.
        kernel_initializer: initializer of all kernels.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` floats.

    Returns:
        `(batch_size, input_dim, 3, num_components)` float32: logits of the
        weights, means and logs of the scales, the last two in standard units.
        Those of dimension i depend on the dimensions before i in the ordering,
        and on no other.

    Raises:
        ValueError: if `ordering` is no permutation, or another argument has a
            value that is not listed here.

    Example:

    ```python
    x = np.random.normal(3.0, 2.0, (8, 6)).astype("float32")
    model = models.RNADE(6, 8)
    model.adapt(x)  # floats of any size
    model.compile("adam")
    model.fit(x, verbose=0)
    log_prob, samples = model.log_prob(x), model.sample(2, seed=0)
    ```

    Differences from the paper: the authors' code begins with log-scales equal
    to the spacing of the means, where here it is the log of the spacing; and
    it caps the scales of what it samples at 1, which is left out. A pass holds
    `batch_size * input_dim * units` floats. There are no presets: the papers
    choose the sizes for each data set by validation.

    References:
        - [Uria et al., 2013](https://arxiv.org/abs/1306.0186)
        - [Uria et al., 2016](https://arxiv.org/abs/1605.02226), section 3
    """

    def __init__(
        self,
        input_dim,
        units,
        *,
        num_components=10,
        component="gaussian",
        ordering=None,
        activation="relu",
        scale_mean_gradients=True,
        least_log_scale=-7.0,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        input_dim, units, num_components = check_counts(
            input_dim=input_dim, units=units, num_components=num_components
        )
        for name, value, choices in (
            ("component", component, COMPONENTS),
            ("activation", activation, ACTIVATIONS),
        ):
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be one of {choices}. "
                    f"Received: {name}={value!r}"
                )
        scale_mean_gradients = check_flags(
            scale_mean_gradients=scale_mean_gradients
        )
        super().__init__((input_dim,), **kwargs)
        # Values would lose digits on their way into a 16-bit policy.
        self.autocast = False
        self.units = units
        self.num_components = num_components
        self.component = component
        self.ordering = as_ordering(ordering, input_dim)
        self.activation = activation
        self.scale_mean_gradients = scale_mean_gradients
        self.least_log_scale = least_log_scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.build((None, input_dim))

    def build(self, input_shape):
        # Densities are float32 under every dtype policy: no autocast.
        def add_weight(name, shape, initializer, trainable=True):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
                trainable=trainable,
            )

        dim, parts = self.input_dim, 3 * self.num_components
        self.kernel = add_weight(
            "kernel", (dim, self.units), self.kernel_initializer
        )
        self.hidden_bias = add_weight("hidden_bias", (self.units,), "zeros")
        self.rescaling = add_weight("rescaling", (dim,), "ones")
        self.output_kernel = add_weight(
            "output_kernel",
            (dim, self.units, parts),
            keras.initializers.RandomNormal(stddev=0.01),
        )
        self.output_bias = add_weight(
            "output_bias",
            (dim, 3, self.num_components),
            lambda shape, dtype: ops.cast(
                self._first_biases(-_SPREAD, _SPREAD), dtype
            ),
        )
        self.data_mean = add_weight("data_mean", (dim,), "zeros", False)
        self.data_scale = add_weight("data_scale", (dim,), "ones", False)
        self.built = True

    def adapt(self, data):
        """Standardizes, and spreads the components over the data.

        Args:
            data: `(num_examples, input_dim)` floats, or `tf.data.Dataset` of
                batches of such.

        Raises:
            ValueError: if the data are none, or not finite.
        """
        batches = [
            self.check_inputs(batch).numpy().astype("float64")
            for batch in ([data] if hasattr(data, "shape") else data)
        ]
        if not batches:
            raise ValueError("`adapt` received a data set without examples.")
        x = np.concatenate(batches)
        mean, scale = x.mean(0), x.std(0)
        # A dimension that never varies keeps its unit.
        scale = np.where(scale > 0.0, scale, 1.0)
        self.data_mean.assign(mean)
        self.data_scale.assign(scale)
        z = (x - mean) / scale
        low, high = z.min(0), z.max(0)
        varies = high > low
        self.output_bias.assign(
            self._first_biases(
                np.where(varies, low, -_SPREAD),
                np.where(varies, high, _SPREAD),
            )
        )

    def call(self, x):
        x = self._permuted(self._standardized(x), axis=1)
        kernel, rescaling, output_kernel, output_bias = self._visited()
        terms = x[:, :, None] * kernel[None]
        # Not a sum minus its last term: rounding would let it shine through.
        sums = tf.cumsum(terms, axis=1, exclusive=True)
        states = self._states(rescaling[:, None], self.hidden_bias + sums)
        outputs = ops.einsum("bdh,dhk->bdk", states, output_kernel)
        outputs = self._parameters(outputs, output_bias)
        return self._unpermuted(outputs, axis=1)

    def log_prob_from_logits(self, x, logits):
        log_density = mixture_log_density(
            self._standardized(x),
            *ops.unstack(logits, axis=2),
            component=self.component,
        )
        # A density per standard unit, per unit of the data.
        return ops.sum(log_density - ops.log(self.data_scale), axis=1)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniforms(seeds, 2, self.input_dim)

        def step(a, inputs):
            x_d, shown, choice, value, *weights = inputs
            w_d, rescaling, v_d, b_d = weights
            states = self._states(rescaling, a)
            outputs = self._parameters(ops.matmul(states, v_d), b_d)
            drawn = draw_from_mixture(
                *ops.unstack(outputs, axis=1),
                (choice, value),
                temperature,
                component=self.component,
            )
            x_d = ops.where(shown, x_d, drawn)
            return a + x_d[:, None] * w_d[None], x_d

        inputs = (
            self._permuted(ops.transpose(self._standardized(x))),
            self._permuted(ops.transpose(mask)),
            ops.transpose(uniforms[:, 0]),
            ops.transpose(uniforms[:, 1]),
            *self._visited(),
        )
        first = ops.zeros_like(x[:, :1]) + self.hidden_bias[None]
        _, drawn = scan(step, first, inputs)
        drawn = ops.transpose(self._unpermuted(drawn))
        return ops.where(mask, x, self.data_mean + self.data_scale * drawn)

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a float32 tensor."""
        return all_finite(as_vectors(x, self.input_dim, name=name), name=name)

    def compute_output_shape(self, input_shape):
        return (*input_shape, 3, self.num_components)

    def get_config(self):
        ordering = self.ordering
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "units": self.units,
            "num_components": self.num_components,
            "component": self.component,
            "ordering": None if ordering is None else list(ordering),
            "activation": self.activation,
            "scale_mean_gradients": self.scale_mean_gradients,
            "least_log_scale": self.least_log_scale,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _standardized(self, x):
        x = ops.cast(x, "float32")
        return (x - self.data_mean) / self.data_scale

    def _visited(self):
        """Weights of the dimensions, in the order of their visit."""
        return [
            self._permuted(ops.convert_to_tensor(w))
            for w in (
                self.kernel,
                self.rescaling,
                self.output_kernel,
                self.output_bias,
            )
        ]

    def _permuted(self, x, axis=0):
        if self.ordering is None:
            return x
        return ops.take(x, np.array(self.ordering, "int32"), axis=axis)

    def _unpermuted(self, x, axis=0):
        if self.ordering is None:
            return x
        places = np.argsort(self.ordering).astype("int32")
        return ops.take(x, places, axis=axis)

    def _states(self, rescaling, a):
        # Pre-activations grow with the dimensions summed up: rho_d undoes it.
        return activate(self.activation, rescaling * a)

    def _parameters(self, outputs, bias):
        """`(..., 3, num_components)` of `(..., 3 * num_components)` outputs."""
        shape = (*outputs.shape[1:-1], 3, self.num_components)
        outputs = ops.reshape(outputs, (-1, *shape)) + bias
        logits, means, log_scales = ops.unstack(outputs, axis=-2)
        log_scales = ops.maximum(log_scales, self.least_log_scale)
        if self.scale_mean_gradients:
            scales = ops.stop_gradient(ops.exp(log_scales))
            means = scale_gradient(means, scales)
        return ops.stack([logits, means, log_scales], axis=-2)

    def _first_biases(self, low, high):
        """Equal weights; means at even steps from `low` to `high`."""
        low, high = (
            np.broadcast_to(bound, (self.input_dim,))[:, None]
            for bound in (low, high)
        )
        steps = np.arange(1, self.num_components + 1)
        spacing = (high - low) / (self.num_components + 1.0)
        means = low + steps * spacing
        log_scales = np.log(spacing) + 0.0 * means
        biases = np.stack([0.0 * means, means, log_scales], axis=1)
        return biases.astype("float32")
