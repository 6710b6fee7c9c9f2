import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.density.density_model import CategoricalVectorModel
from keras_genseq.ops.checks import as_ordering
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.nade import ACTIVATIONS
from keras_genseq.ops.nade import IMPLEMENTATIONS
from keras_genseq.ops.nade import activate
from keras_genseq.ops.nade import nade_logits
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.scan import scan


@keras.saving.register_keras_serializable(package="keras_genseq")
class NADE(CategoricalVectorModel):
    """Neural autoregressive distribution estimator of binary vectors.

    The dimensions are visited one after the other. A hidden layer sums up those
    already seen, and from it a logistic unit predicts the next:

        h_d = sigmoid(c + W[:d].T @ x[:d])
        p(x_d = 1 | x_<d) = sigmoid(b_d + V[d] @ h_d)

    All conditionals share W, so the exact likelihood of an example costs as
    much as one pass through an ordinary network of one hidden layer.

    Args:
        input_dim: int. Dimensions of an example (the paper's D).
        units: int. Hidden units (the paper's H).
        ordering: sequence of ints, a permutation of `range(input_dim)`:
            `ordering[d]` is visited d-th. None visits them in order.
        activation: `"sigmoid"`, `"tanh"` or `"relu"`.
        implementation: how the hidden states are computed: `"scan"`,
            `"chunk"` or `"full"` (see `keras_genseq.ops.nade`), all with equal
            results; `"auto"` is `"chunk"` where there is a GPU or TPU and
            `"scan"` elsewhere. Under XLA (`compile(jit_compile=True)`) a scan
            is several times faster than without.
        chunk_size: int. Dimensions per step of `"chunk"`, and from one
            exponential of `"scan"` to the next.
        kernel_initializer: initializer of W and V.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` zeros and ones.

    Returns:
        `(batch_size, input_dim)` float32 logits, aligned with `x`; logit i
        depends on the dimensions before i in the ordering, and on no other.

    Raises:
        ValueError: if `ordering` is no permutation, or another argument has a
            value that is not listed here.

    Example:

    ```python
    digits = np.random.randint(0, 2, (8, 16)).astype("float32")
    model = models.NADE(16, 8)
    model.compile("adam")
    model.fit(digits, verbose=0)
    log_prob, samples = model.log_prob(digits), model.sample(2, seed=0)
    ```

    Differences from the paper: none known.

    References:
        - [Uria et al., 2016](https://arxiv.org/abs/1605.02226), section 2
    """

    presets = {
        "nade_mnist": Preset(
            config={"input_dim": 784, "units": 500},
            num_parameters=785_284,
            source="Uria et al., 2016, section 6.1: binarized MNIST",
        ),
    }

    def __init__(
        self,
        input_dim,
        units,
        *,
        ordering=None,
        activation="sigmoid",
        implementation="auto",
        chunk_size=16,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"`activation` must be one of {ACTIVATIONS}. "
                f"Received: activation={activation!r}"
            )
        if implementation not in IMPLEMENTATIONS:
            raise ValueError(
                f"`implementation` must be one of {IMPLEMENTATIONS}. "
                f"Received: implementation={implementation!r}"
            )
        units, chunk_size = check_counts(units=units, chunk_size=chunk_size)
        super().__init__(input_dim, **kwargs)
        self.units = units
        self.ordering = as_ordering(ordering, input_dim)
        self.activation = activation
        self.implementation = implementation
        self.chunk_size = chunk_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.build((None, input_dim))

    def build(self, input_shape):
        # Densities are float32 under every dtype policy: no autocast.
        def add_weight(name, shape, initializer):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
            )

        shape = (self.input_dim, self.units)
        self.kernel = add_weight("kernel", shape, self.kernel_initializer)
        self.output_kernel = add_weight(
            "output_kernel", shape, _twin(self.kernel_initializer)
        )
        self.hidden_bias = add_weight("hidden_bias", (self.units,), "zeros")
        self.output_bias = add_weight("output_bias", (self.input_dim,), "zeros")
        self.built = True

    def call(self, x):
        kernel, output_kernel, output_bias = self._permuted_weights()
        logits = nade_logits(
            self._permuted(ops.cast(x, "float32")),
            kernel,
            output_kernel,
            ops.convert_to_tensor(self.hidden_bias),
            activation=self.activation,
            implementation=self._resolved_implementation(),
            chunk_size=self.chunk_size,
        )
        return self._unpermuted(logits + output_bias)

    def log_prob_from_logits(self, x, logits):
        return bernoulli_log_prob(x, logits)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniform(seeds, self.input_dim)
        # Temperature 0 is the limit, not a division by zero.
        sharpness = 1.0 / ops.maximum(temperature, 1e-6)
        kernel, output_kernel, output_bias = self._permuted_weights()

        def step(a, inputs):
            x_d, shown, uniform, w_d, v_d, b_d = inputs
            logit = ops.matmul(activate(self.activation, a), v_d) + b_d
            drawn = uniform < ops.sigmoid(logit * sharpness)
            x_d = ops.where(shown, x_d, ops.cast(drawn, "float32"))
            return a + x_d[:, None] * w_d[None], x_d

        first = ops.zeros_like(x[:, :1]) + self.hidden_bias[None]
        inputs = (
            ops.transpose(self._permuted(x)),
            ops.transpose(self._permuted(mask)),
            ops.transpose(uniforms),
            kernel,
            output_kernel,
            output_bias,
        )
        _, x = scan(step, first, inputs)
        return self._unpermuted(ops.transpose(x))

    def encode(self, x, *, batch_size=256):
        """Hidden units after the last dimension: a summary of the example.

        Args:
            x: `(num_examples, input_dim)` zeros and ones.
            batch_size: int. Examples encoded at once.

        Returns:
            `(num_examples, units)` float32 tensor.

        Raises:
            ValueError: as for `log_prob`.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def endpoints(self):
        encode = Endpoint(
            self._encode,
            {"x": self.example_input()},
            "z",
            description="hidden units after the last dimension",
        )
        return {**super().endpoints(), "encode": encode}

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        ordering = self.ordering
        return {
            **super().get_config(),
            "units": self.units,
            "ordering": None if ordering is None else list(ordering),
            "activation": self.activation,
            "implementation": self.implementation,
            "chunk_size": self.chunk_size,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _encode(self, x):
        return activate(
            self.activation, self.hidden_bias + ops.matmul(x, self.kernel)
        )

    def _resolved_implementation(self):
        if self.implementation != "auto":
            return self.implementation
        accelerators = [
            d
            for d in tf.config.list_logical_devices()
            if d.device_type != "CPU"
        ]
        return "chunk" if accelerators else "scan"

    def _permuted_weights(self):
        weights = (self.kernel, self.output_kernel, self.output_bias)
        if self.ordering is None:
            return [ops.convert_to_tensor(w) for w in weights]
        ordering = np.array(self.ordering, "int32")
        return [ops.take(w, ordering, axis=0) for w in weights]

    def _permuted(self, x):
        if self.ordering is None:
            return x
        return ops.take(x, np.array(self.ordering, "int32"), axis=1)

    def _unpermuted(self, x):
        if self.ordering is None:
            return x
        return ops.take(x, np.argsort(self.ordering).astype("int32"), axis=1)


def _twin(initializer):
    """The same law with other numbers, for a second weight of equal shape."""
    config = initializer.get_config()
    if config.get("seed") is not None:
        config["seed"] += 1
    return initializer.__class__.from_config(config)
