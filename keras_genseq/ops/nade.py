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

    The sigmoid is spelled by tanh, for which XLA has a fast kernel.
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

    For sigmoid and tanh, `"scan"` carries `exp(-a)` in place of the
    pre-activation `a`, anew in every chunk: a bit that is set multiplies it by
    `exp(-W[k])`, so that no step takes an exponential. With weights so large
    that this could overflow within a chunk, it carries `a`.

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
        chunk_size: int. Dimensions per step of `"chunk"`, and from one
            exponential of `"scan"` to the next.

    Returns:
        Tensor `(batch_size, input_dim)`.
    """
    # Values, not variables: those a custom gradient would not accept.
    x, kernel, output_kernel, hidden_bias = (
        tf.convert_to_tensor(t) for t in (x, kernel, output_kernel, hidden_bias)
    )
    if implementation == "full":
        terms = x[:, :, None] * kernel[None]
        # Not a sum minus its last term: rounding would let it shine through.
        sums = tf.cumsum(terms, axis=1, exclusive=True)
        states = activate(activation, hidden_bias + sums)
        return ops.einsum("bdh,dh->bd", states, output_kernel)
    x, kernel, output_kernel, input_dim = _chunked(
        x, kernel, output_kernel, chunk_size
    )

    def in_its_form(operation, *tensors):
        if implementation == "chunk":
            return operation(_ChunkForm(activation), *tensors)
        plain = _ScanForm(activation, _PreActivation(activation))
        if activation not in _EXPONENTIALS:
            return operation(plain, *tensors)
        carried = _EXPONENTIALS[activation]
        return ops.cond(
            carried.fits(kernel),
            lambda: operation(_ScanForm(activation, carried), *tensors),
            lambda: operation(plain, *tensors),
        )

    @ops.custom_gradient
    def logits_with_gradient(x, kernel, output_kernel, hidden_bias):
        last, logits = in_its_form(
            _forward, x, kernel, output_kernel, hidden_bias
        )

        def gradient(upstream):
            return in_its_form(
                _backward, x, kernel, output_kernel, last, upstream
            )

        return logits, gradient

    logits = logits_with_gradient(x, kernel, output_kernel, hidden_bias)
    return logits[:, :input_dim]


def _forward(form, x, kernel, output_kernel, hidden_bias):
    """The last pre-activation, and all logits."""

    def step(a, inputs):
        x_c, w_c, v_c = inputs
        logits = form.logits(a, x_c, w_c, v_c)
        return a + ops.matmul(x_c, w_c), logits

    first = ops.zeros_like(x[:, :1]) + hidden_bias[None]
    chunks = _to_chunks(x, kernel.shape[1])
    last, logits = scan(step, first, (chunks, kernel, output_kernel))
    return last, _from_chunks(logits)


def _backward(form, x, kernel, output_kernel, last, upstream):
    """Gradients of x, both kernels and the hidden bias."""

    def step(carry, inputs):
        a, da = carry
        x_c, w_c, v_c, dl_c = inputs
        before = a - ops.matmul(x_c, w_c)
        da, *gradients = form.gradients(before, a, da, x_c, w_c, v_c, dl_c)
        return (before, da), gradients

    chunk_size = kernel.shape[1]
    inputs = (
        _to_chunks(x, chunk_size),
        kernel,
        output_kernel,
        _to_chunks(upstream, chunk_size),
    )
    (_, da), (dx, dw, dv) = scan(
        step, (last, ops.zeros_like(last)), inputs, reverse=True
    )
    return _from_chunks(dx), dw, dv, ops.sum(da, axis=0)


class _ChunkForm:
    """All dimensions of a chunk in parallel, as products of matrices.

    Shapes, of this form and the other: `a`, `da` `(B, H)`; `x`, `logits`,
    `dl`, `dx` `(B, C)`; `w`, `v`, `dw`, `dv` `(C, H)`.
    """

    def __init__(self, activation):
        self._activation = activation

    def logits(self, a, x, w, v):
        return ops.einsum("bch,ch->bc", self._states(a, x, w), v)

    def gradients(self, before, after, da, x, w, v, dl):
        states = self._states(before, x, w)
        dv = ops.einsum("bc,bch->ch", dl, states)
        slopes = _DERIVATIVES[self._activation](states)
        dh = dl[:, :, None] * v[None] * slopes
        # What reaches w[c] comes from the dimensions after c.
        size = x.shape[1]
        follows = ops.triu(ops.ones((size, size), x.dtype), 1)
        later = da[:, None] + ops.matmul(follows, dh)
        dw = ops.einsum("bc,bch->ch", x, later)
        dx = ops.einsum("ch,bch->bc", w, later)
        return da + ops.sum(dh, axis=1), dx, dw, dv

    def _states(self, a, x, w):
        """Hidden states before each dimension of a chunk, `(B, C, H)`."""
        # Row d of a chunk sees the inputs before d: a cumulative sum, written
        # as a product with a triangle because matrix units are faster than
        # scans.
        size = x.shape[1]
        earlier = ops.tril(ops.ones((size, size), x.dtype), -1)
        sums = ops.matmul(x[:, None, :] * earlier[None], w)
        return activate(self._activation, a[:, None, :] + sums)


class _ScanForm:
    """One dimension of a chunk after the other.

    A step moves the state first and then uses what it moved to: a state used
    before and after its update would be copied at every step.
    """

    def __init__(self, activation, carried):
        self._activation = activation
        self._carried = carried

    def logits(self, a, x, w, v):
        carried = self._carried

        def step(u, inputs):
            x_d, move, v_d = inputs
            u = carried.move(u, x_d, move)
            return u, ops.matmul(carried.output(u), v_d)

        moves = carried.moves(w)
        inputs = (_previous(ops.transpose(x)), _previous(moves), v)
        _, logits = scan(step, carried.first(a), inputs)
        return ops.transpose(logits)

    def gradients(self, before, after, da, x, w, v, dl):
        carried = self._carried

        def step(carry, inputs):
            u, da = carry
            x_d, move, v_d, dl_d, previous_x, previous_w = inputs
            u = carried.move(u, x_d, move)
            h = carried.output(u)
            slopes = _DERIVATIVES[self._activation](h)
            da = da + dl_d[:, None] * v_d[None] * slopes
            dv_d = ops.matmul(dl_d, h)
            # Of the dimension before, which this one's gradient reaches.
            dw_d = ops.matmul(previous_x, da)
            return (u, da), (ops.matmul(da, previous_w), dw_d, dv_d)

        dx_last = ops.matmul(da, w[-1])[None]
        dw_last = ops.matmul(x[:, -1], da)[None]
        x, dl = ops.transpose(x), ops.transpose(dl)
        inputs = (x, carried.moves(-w), v, dl, _previous(x), _previous(w))
        (_, da), (dx, dw, dv) = scan(
            step, (carried.first(after), da), inputs, reverse=True
        )
        dx = ops.transpose(ops.concatenate([dx[1:], dx_last]))
        return da, dx, ops.concatenate([dw[1:], dw_last]), dv


def _previous(x):
    """Row d - 1 in place of row d, and zeros in place of row 0."""
    return ops.pad(x[:-1], [[1, 0], [0, 0]])


class _PreActivation:
    """What a scan carries: the pre-activation itself."""

    def __init__(self, activation):
        self._activation = activation

    def first(self, a):
        return a

    def moves(self, w):
        return w

    def move(self, a, x, moves):
        return a + x[:, None] * moves[None]

    def output(self, a):
        return activate(self._activation, a)


class _Exponential:
    """What a scan carries: `u = exp(-slope * a)`.

    The activation is `scale / (1 + u) + shift`.

    In float32 both activations are flat where `slope * a` exceeds 30. Begun at
    no more than 60 and moved by less than 28 within a chunk, `u` stays below
    overflow, and a unit that began beyond 60 stays in the flat part.
    """

    _MOST_FIRST = 60.0
    _MOST_MOVE = 28.0

    def __init__(self, slope, scale, shift):
        self._slope, self._scale, self._shift = slope, scale, shift

    def fits(self, kernel):
        moves = self._slope * ops.sum(ops.abs(kernel), axis=1)
        return ops.max(moves) < self._MOST_MOVE

    def first(self, a):
        bound = self._MOST_FIRST
        return ops.exp(ops.clip(-self._slope * a, -bound, bound))

    def moves(self, w):
        return ops.expm1(-self._slope * w)

    def move(self, u, x, moves):
        return u + u * (x[:, None] * moves[None])

    def output(self, u):
        return self._scale / (1.0 + u) + self._shift


_EXPONENTIALS = {
    "sigmoid": _Exponential(1.0, 1.0, 0.0),
    "tanh": _Exponential(2.0, 2.0, -1.0),
}


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
