"""The hidden states of NADE, formulated three ways with equal results.

Every function here sees the dimensions in the order in which the model visits
them: position d of an input or a kernel is the d-th one visited.
"""

import tensorflow as tf
from keras import ops

from keras_genseq.ops.scan import scan

# Each activation with its derivative as a function of its own output: the
# backward passes rebuild outputs, and never see the pre-activations' history.
_DERIVATIVES = {
    "sigmoid": lambda h: h * (1.0 - h),
    "tanh": lambda h: 1.0 - h * h,
    "relu": lambda h: ops.cast(h > 0.0, h.dtype),
}
ACTIVATIONS = tuple(_DERIVATIVES)
IMPLEMENTATIONS = ("auto", "scan", "chunk", "full")


def activate(name, pre_activations):
    """`sigmoid`, `tanh` or `relu` of a tensor, elementwise.

    The sigmoid is spelled by tanh, for which XLA has a fast kernel: a step of
    the MNIST model spends most of its time here.
    """
    if name == "sigmoid":
        return 0.5 * ops.tanh(0.5 * pre_activations) + 0.5
    return (
        ops.tanh(pre_activations)
        if name == "tanh"
        else ops.relu(pre_activations)
    )


def nade_logits(
    x,
    kernel,
    output_kernel,
    hidden_bias,
    *,
    activation="sigmoid",
    implementation="scan",
    chunk_size=16,
):
    """Logits of all conditionals of NADE, without the output bias.

    `logits[:, d] = V[d] . g(c + sum_{k<d} x[:, k] W[k])`, Eq. 2 and 3 of the
    paper. `"scan"` and `"chunk"` have gradients of their own that keep only the
    last pre-activation and rebuild the others backwards by subtraction
    (section 2.1 of the paper): memory for `(batch_size, units)` floats, or
    `chunk_size` times that, where autodiff would keep `input_dim` times it.

    Args:
        x: `(batch_size, input_dim)` tensor of zeros and ones.
        kernel: `(input_dim, units)`, the paper's W (transposed).
        output_kernel: `(input_dim, units)`, the paper's V.
        hidden_bias: `(units,)`, the paper's c.
        activation: `"sigmoid"`, `"tanh"` or `"relu"`, the paper's g.
        implementation: `"scan"` (one dimension a step: the fastest under XLA
            on a CPU), `"chunk"` (`chunk_size` dimensions a step: few, large
            kernels, for GPUs and for graphs without XLA) or `"full"` (one
            masked cumulative sum, differentiated by autodiff).
        chunk_size: int. Dimensions per step of `"chunk"`.

    Returns:
        Tensor `(batch_size, input_dim)`.
    """
    # Values, not variables: those a custom gradient would not accept.
    x, kernel, output_kernel, hidden_bias = (
        tf.convert_to_tensor(t) for t in (x, kernel, output_kernel, hidden_bias)
    )
    if implementation == "full":
        terms = x[:, :, None] * kernel[None]
        sums = ops.cumsum(terms, axis=1) - terms
        states = activate(activation, hidden_bias + sums)
        return ops.einsum("bdh,dh->bd", states, output_kernel)
    if implementation == "scan":
        forward, backward = _scan_forward, _scan_backward
    else:
        forward, backward = _chunk_forward, _chunk_backward
        x, kernel, output_kernel, input_dim = _chunked(
            x, kernel, output_kernel, chunk_size
        )

    @ops.custom_gradient
    def logits_with_gradient(x, kernel, output_kernel, hidden_bias):
        last, logits = forward(
            x, kernel, output_kernel, hidden_bias, activation
        )

        def gradient(upstream):
            return backward(
                x, kernel, output_kernel, last, upstream, activation
            )

        return logits, gradient

    logits = logits_with_gradient(x, kernel, output_kernel, hidden_bias)
    return logits if implementation == "scan" else logits[:, :input_dim]


def _hidden_states(x, kernel, first, activation):
    """Hidden states before each dimension of a chunk, `(B, C, H)`."""
    # Row d of a chunk sees the inputs before d: a cumulative sum, written as
    # a product with a triangle because matrix units are faster than scans.
    earlier = ops.tril(ops.ones((x.shape[1], x.shape[1]), x.dtype), -1)
    sums = ops.matmul(x[:, None, :] * earlier[None], kernel)
    return activate(activation, first[:, None, :] + sums)


def _scan_forward(x, kernel, output_kernel, hidden_bias, activation):
    def step(a, inputs):
        x_d, w_d, v_d = inputs
        h = activate(activation, a)
        return a + x_d[:, None] * w_d[None], ops.matmul(h, v_d)

    first = ops.zeros_like(x[:, :1]) + hidden_bias[None]
    last, logits = scan(step, first, (ops.transpose(x), kernel, output_kernel))
    return last, ops.transpose(logits)


def _scan_backward(x, kernel, output_kernel, last, upstream, activation):
    def step(carry, inputs):
        a, da = carry
        x_d, w_d, v_d, dl_d = inputs
        dw_d = ops.matmul(x_d, da)
        a = a - x_d[:, None] * w_d[None]
        h = activate(activation, a)
        dv_d = ops.matmul(dl_d, h)
        dh = dl_d[:, None] * v_d[None] * _DERIVATIVES[activation](h)
        return (a, da + dh), (dw_d, dv_d, ops.matmul(da, w_d))

    inputs = (ops.transpose(x), kernel, output_kernel, ops.transpose(upstream))
    (_, da), (dw, dv, dx) = scan(
        step, (last, ops.zeros_like(last)), inputs, reverse=True
    )
    return ops.transpose(dx), dw, dv, ops.sum(da, axis=0)


def _chunked(x, kernel, output_kernel, chunk_size):
    """Pads the dimensions with zeros to a multiple of `chunk_size`."""
    input_dim = kernel.shape[0]
    padding = -input_dim % chunk_size
    x = ops.pad(x, [[0, 0], [0, padding]])
    kernel, output_kernel = (
        ops.reshape(
            ops.pad(w, [[0, padding], [0, 0]]), (-1, chunk_size, w.shape[1])
        )
        for w in (kernel, output_kernel)
    )
    return x, kernel, output_kernel, input_dim


def _to_chunks(x, chunk_size):
    """`(B, N * C)` to `(N, B, C)`."""
    num_chunks = x.shape[1] // chunk_size
    x = ops.reshape(x, (-1, num_chunks, chunk_size))
    return ops.transpose(x, (1, 0, 2))


def _from_chunks(x):
    """`(N, B, C)` to `(B, N * C)`."""
    num_chunks, _, chunk_size = x.shape
    x = ops.transpose(x, (1, 0, 2))
    return ops.reshape(x, (-1, num_chunks * chunk_size))


def _chunk_forward(x, kernel, output_kernel, hidden_bias, activation):
    def step(a, inputs):
        x_c, w_c, v_c = inputs
        states = _hidden_states(x_c, w_c, a, activation)
        return a + ops.matmul(x_c, w_c), ops.einsum("bch,ch->bc", states, v_c)

    first = ops.zeros_like(x[:, :1]) + hidden_bias[None]
    chunks = _to_chunks(x, kernel.shape[1])
    last, logits = scan(step, first, (chunks, kernel, output_kernel))
    return last, _from_chunks(logits)


def _chunk_backward(x, kernel, output_kernel, last, upstream, activation):
    def step(carry, inputs):
        a, da = carry
        x_c, w_c, v_c, dl_c = inputs
        a = a - ops.matmul(x_c, w_c)
        states = _hidden_states(x_c, w_c, a, activation)
        dv_c = ops.einsum("bc,bch->ch", dl_c, states)
        dh = dl_c[:, :, None] * v_c[None] * _DERIVATIVES[activation](states)
        # What reaches w[c] comes from the dimensions after c.
        later = da[:, None] + ops.matmul(after, dh)
        dw_c = ops.einsum("bc,bch->ch", x_c, later)
        dx_c = ops.einsum("ch,bch->bc", w_c, later)
        return (a, da + ops.sum(dh, axis=1)), (dw_c, dv_c, dx_c)

    chunk_size = kernel.shape[1]
    after = ops.triu(ops.ones((chunk_size, chunk_size), x.dtype), 1)
    inputs = (
        _to_chunks(x, chunk_size),
        kernel,
        output_kernel,
        _to_chunks(upstream, chunk_size),
    )
    (_, da), (dw, dv, dx) = scan(
        step, (last, ops.zeros_like(last)), inputs, reverse=True
    )
    return _from_chunks(dx), dw, dv, ops.sum(da, axis=0)
