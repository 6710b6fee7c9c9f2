"""What `SimpleRNN`, `LSTM` and `GRU` share: the fast way over time."""

import inspect
import itertools
import os

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.ops.recurrent import gather_rows
from keras_genseq.ops.recurrent import recurrence
from keras_genseq.ops.time_loop import time_loop
from keras_genseq.ops.time_loop import time_major_mask
from keras_genseq.ops.time_loop import where
from keras_genseq.ops.values import refuse_ragged

# Of a batch that is split: below it, products lose more than cores gain.
_LEAST_ROWS = 8


class RecurrentLayer(keras.layers.RNN):
    """Replaces the loop of a recurrent Keras layer, and nothing else of it.

    A subclass names Keras's layer first and this class second: whatever that
    layer leaves to `keras.layers.RNN` then comes here, after its own choice
    of cuDNN on a GPU. What the fast loop does not know (`unroll`, dropout of
    the recurrent state, other activations) goes on to `keras.layers.RNN`.

    Args:
        cell: the cell that Keras's layer made; an equal one of `cell_class`
            takes its place.
        jit_compile: bool or `"auto"`. Whether XLA compiles the loops over
            time. `"auto"` does so in a training step of static length, and
            never for inference: a served graph must not contain such a region.
        **kwargs: passed to `keras.layers.RNN`.
    """

    cell_class = None

    def __init__(self, cell, *, jit_compile="auto", **kwargs):
        if jit_compile not in ("auto", True, False):
            raise ValueError(
                '`jit_compile` must be "auto", True or False. '
                f"Received: jit_compile={jit_compile!r}"
            )
        super().__init__(_equal_cell(cell, self.cell_class), **kwargs)
        self.jit_compile = jit_compile

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape, initial_state_shape)
        features = {-1: sequences_shape[-1]}
        self.input_spec = keras.layers.InputSpec(ndim=3, axes=features)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if keras.tree.is_nested(mask):
            mask = mask[0]
        refuse_ragged(sequences=sequences)
        _check_steps(sequences, mask)
        if initial_state is not None:
            states = keras.tree.flatten(initial_state)
            self._check_states(states, sequences.shape[0])
        sequences = ops.cast(sequences, self.compute_dtype)
        if mask is not None:
            # NaN times a gradient of 0 would be NaN in that of the kernel.
            counts = ops.cast(mask, "bool")[..., None]
            sequences = ops.where(counts, sequences, 0.0)
        return super().call(
            sequences,
            initial_state=initial_state,
            mask=mask,
            training=training,
        )

    def inner_loop(self, sequences, initial_state, mask, training=False):
        states = keras.tree.flatten(initial_state)
        if keras.tree.is_nested(mask):
            mask = mask[0]
        cell = self.cell
        if not self._is_fast(training):
            if training:
                # Drawn before the loop: one mask for all of its steps.
                cell.get_dropout_mask(sequences[:, 0, :])
                cell.get_recurrent_dropout_mask(states[0])
            return super().inner_loop(
                sequences, states, mask=mask, training=training
            )
        if training and cell.dropout:
            dropout_mask = cell.get_dropout_mask(sequences[:, 0, :])
            sequences = sequences * dropout_mask[:, None, :]

        def project(rows):
            return self._project(ops.transpose(rows, (1, 0, 2)))

        sequences = self._permuted(sequences)
        return self._run(project, sequences, states, mask, training)

    def call_tokens(
        self,
        token_ids,
        embeddings,
        *,
        mask=None,
        initial_state=None,
        training=False,
    ):
        """Calls the layer on the embeddings of tokens, at a lower cost.

        The result is that of `layer(ops.take(embeddings, token_ids, axis=0))`.
        A vocabulary is often smaller than a batch: here the whole table goes
        through the input kernel, and positions look up rows of the product.
        Where that saves nothing, the embeddings are looked up first.

        Args:
            token_ids: `(batch_size, time)` integers.
            embeddings: `(vocabulary_size, features)` matrix, such as the
                `embeddings` of a `keras.layers.Embedding`.
            mask, initial_state, training: as in a call.

        Returns:
            As from a call.

        Raises:
            ValueError: in a functional model, which would not know whose the
                embeddings are.
        """
        if isinstance(token_ids, keras.KerasTensor):
            raise ValueError(
                "`call_tokens` needs tensors, inside the `call` of a model. "
                "In a functional model, call the layer on the outputs of a "
                f"`keras.layers.Embedding`. Received: token_ids={token_ids}"
            )
        if not self._folds(token_ids, embeddings, training):
            x = ops.take(embeddings, token_ids, axis=0)
            return self(
                x, mask=mask, initial_state=initial_state, training=training
            )
        if not self.built:
            self.build((*token_ids.shape, embeddings.shape[-1]))
        _check_steps(token_ids, mask)
        token_ids = self._permuted(ops.cast(token_ids, "int32"))
        table = self._project(ops.cast(embeddings, self.compute_dtype))
        states = self._first_states(initial_state, ops.shape(token_ids)[0])

        def look_up(rows):
            return gather_rows(table, ops.transpose(rows))

        last, outputs, states = self._run(
            look_up, token_ids, states, mask, training
        )
        outputs = ops.cast(
            outputs if self.return_sequences else last, self.compute_dtype
        )
        states = [ops.cast(state, self.compute_dtype) for state in states]
        if self.stateful:
            for variable, state in zip(self.states, states, strict=True):
                variable.assign(state)
        return (outputs, *states) if self.return_state else outputs

    def gates(self, inputs, *, mask=None, initial_state=None):
        """All that the cell computes at each step, for study.

        It runs the cell step by step, in the dtype of the weights, without
        dropout and without touching the states of a stateful layer; gradients
        flow through it.

        Args:
            inputs: `(batch_size, time, features)`.
            mask: optional `(batch_size, time)` booleans. Gates at a masked step
                are what the cell computed there; its states stay as they were.
            initial_state: as in a call.

        Returns:
            dict of name to `(batch_size, time, units)` tensor, the states among
            them, in the order of the inputs (even if `go_backwards`).
        """
        inputs = ops.cast(inputs, self.variable_dtype)
        if not self.built:
            self.build(inputs.shape)
        names, state_names = self.cell.gate_names, self.cell.state_names

        def body(t, states, inputs):
            values = self.cell.gates(inputs[0], states)
            new = tuple(values[name] for name in state_names)
            if len(inputs) > 1:
                new = where(inputs[1], new, states)
            values.update(zip(state_names, new, strict=True))
            return new, [values[name] for name in names]

        states = self._first_states(initial_state, ops.shape(inputs)[0])
        states = [ops.cast(state, inputs.dtype) for state in states]
        x = [ops.transpose(inputs, (1, 0, 2))]
        if mask is not None:
            x.append(time_major_mask(mask))
        _, stacks = time_loop(
            body,
            tuple(states),
            x,
            [self.units] * len(names),
            reverse=self.go_backwards,
        )
        stacks = [ops.transpose(stack, (1, 0, 2)) for stack in stacks]
        return dict(zip(names, stacks, strict=True))

    def get_config(self):
        config = {"jit_compile": self.jit_compile, "seed": self.cell.seed}
        # Keras leaves these out, too.
        if hasattr(self, "use_cudnn"):
            config["use_cudnn"] = self.use_cudnn
        if hasattr(self.cell, "implementation"):
            config["implementation"] = self.cell.implementation
        return {**super().get_config(), **config}

    def keras_config(self):
        """Config of the equal layer of Keras, without what that has not.

        Returns:
            dict for the `from_config` of that layer; the weights go over by
            `set_weights(layer.get_weights())`.
        """
        config = self.get_config()
        del config["jit_compile"]
        return config

    def _maybe_config_dropout_masks(self, cell, input_sequence, input_state):
        # Keras draws masks for inference, too, and so makes it depend on the
        # state of a seed generator, which cannot be served.
        pass

    def _is_fast(self, training):
        cell = self.cell
        if self.unroll or cell.fused_step is None:
            return False
        if not training:
            return True
        one_mask = getattr(cell, "implementation", 2) == 2
        return not cell.recurrent_dropout and (
            not cell.dropout or (one_mask and cell.dropout < 1.0)
        )

    def _folds(self, token_ids, embeddings, training):
        num_positions = tf.TensorShape(token_ids.shape).num_elements()
        saves = num_positions is None or embeddings.shape[0] < num_positions
        # cuDNN, dropout of features and Keras's own additions to a call.
        plain = (
            not self.supports_jit
            or (training and self.cell.dropout)
            or self.activity_regularizer
        )
        return saves and not plain and self._is_fast(training)

    def _permuted(self, x):
        return ops.flip(x, axis=1) if self.go_backwards else x

    def _project(self, x):
        return _project(x, self.cell.kernel, self.cell.input_bias())

    def _run(self, project, inputs, states, mask, training):
        """From inputs, in the order of visits, to what Keras's loops return.

        Args:
            project: callable: some rows of `inputs` -> their share of the
                pre-activations, `(T, B, G * H)`.
            inputs: `(B, T, ...)` tensor.
            states: list of `(B, H)` tensors.
            mask: optional `(B, T)` booleans, in the order of the inputs.
            training: bool.
        """
        if mask is not None:
            mask = time_major_mask(self._permuted(mask))
        weights = [
            ops.cast(w, self.compute_dtype)
            for w in self.cell.recurrent_weights()
        ]
        jit_compile = self._compiles(inputs, training)

        def run(rows):
            return recurrence(
                self.cell.fused_step,
                project(inputs[rows]),
                weights,
                [state[rows] for state in states],
                mask=None if mask is None else mask[:, rows],
                return_sequences=self.return_sequences,
                training=bool(training),
                jit_compile=jit_compile,
            )

        parts = [run(rows) for rows in self._parts(inputs, jit_compile)]
        states = [
            tf.concat(state, 0)
            for state in zip(*(last for _, last in parts), strict=True)
        ]
        visible = None if mask is None else self._visible(mask)
        last = states[0]
        if visible is not None:
            last = tf.where(visible[-1], last, tf.zeros_like(last))
        if not self.return_sequences:
            return last, last[:, None], states
        outputs = tf.concat([tf.transpose(o, (1, 0, 2)) for o, _ in parts], 0)
        if visible is not None:
            visible = tf.transpose(visible, (1, 0, 2))
            outputs = tf.where(visible, outputs, tf.zeros_like(outputs))
        return last, outputs, states

    def _parts(self, inputs, jit_compile):
        """Slices of the rows, a loop for each.

        A compiled loop runs on one core of a CPU; loops that do not depend on
        each other run side by side.
        """
        size = inputs.shape[0] or 0
        num_parts = min(_num_threads(), size // _LEAST_ROWS)
        on_gpu = tf.config.list_logical_devices("GPU")
        if num_parts < 2 or on_gpu or not jit_compile:
            return [slice(None)]
        edges = [size * i // num_parts for i in range(num_parts + 1)]
        return [slice(*pair) for pair in itertools.pairwise(edges)]

    def _visible(self, mask):
        """Where outputs are not zero: `(T, B, 1)` booleans."""
        if self.zero_output_for_mask:
            return mask
        # Keras repeats the last output, and before the first there is none.
        return tf.cumsum(tf.cast(mask, tf.int32), axis=0) > 0

    def _compiles(self, inputs, training):
        if self.jit_compile != "auto":
            return self.jit_compile
        # Each length is compiled anew: only where there is one of them.
        static = inputs.shape[1] is not None
        return bool(training) and static and not tf.executing_eagerly()

    def _first_states(self, initial_state, batch_size):
        if initial_state is None:
            initial_state = (
                self.states
                if self.stateful
                else self.get_initial_state(batch_size=batch_size)
            )
        states = keras.tree.flatten(initial_state)
        self._check_states(states, batch_size)
        return [ops.cast(state, self.compute_dtype) for state in states]

    def _check_states(self, states, batch_size):
        sizes = keras.tree.flatten(self.cell.state_size)
        found = [tuple(state.shape)[1:] for state in states]
        if len(found) != len(sizes) or any(
            shape not in ((None,), (size,))
            for shape, size in zip(found, sizes, strict=True)
        ):
            raise ValueError(
                "`initial_state` must be as many tensors as the cell has "
                f"states, of shapes {[('batch_size', n) for n in sizes]}. "
                f"Received, behind the rows: {found}"
            )
        sizes = [batch_size, *(state.shape[0] for state in states)]
        # In a graph there may be a tensor among them.
        rows = {size for size in sizes if isinstance(size, int)}
        if len(rows) > 1:
            raise ValueError(
                "`initial_state` must have a row for each row of the inputs. "
                f"Received: {sorted(rows)} rows"
            )


def _check_steps(inputs, mask):
    """Refuses inputs without steps, and a mask that is of others."""
    if inputs.shape[1] == 0:
        raise ValueError(
            "Sequences must have at least one step. Received: "
            f"shape={tuple(inputs.shape)}"
        )
    if mask is None:
        return
    found, expected = tuple(mask.shape), tuple(inputs.shape[:2])
    fits = len(found) == 2 and all(
        a is None or b is None or a == b
        for a, b in zip(found, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            "`mask` must hold a boolean for each step of the inputs, shape "
            f"{expected}. Received: shape={found}"
        )


def _project(x, kernel, bias):
    """`x @ kernel + bias`, as one product of matrices.

    Args:
        x: `(..., features)` tensor.
        kernel: `(features, width)`, cast to the dtype of `x`.
        bias: `(width,)`, or None.

    Returns:
        Tensor `(..., width)`.
    """
    x = tf.convert_to_tensor(x)
    features, width = kernel.shape
    rows = tf.reshape(x, (-1, features))
    rows = tf.matmul(rows, tf.cast(kernel, x.dtype))
    if bias is not None:
        rows = tf.nn.bias_add(rows, tf.cast(bias, x.dtype))
    rows = tf.reshape(rows, tf.concat([tf.shape(x)[:-1], [width]], axis=0))
    return tf.ensure_shape(rows, (*x.shape[:-1], width))


def _num_threads():
    """Threads on which TensorFlow runs operations side by side."""
    set_by_user = tf.config.threading.get_inter_op_parallelism_threads()
    if set_by_user:
        return set_by_user
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _equal_cell(cell, cell_class):
    """A cell of `cell_class` with the arguments of another."""
    parameters = inspect.signature(type(cell).__init__).parameters
    arguments = {
        name: getattr(cell, name)
        for name in parameters
        if name not in ("self", "kwargs")
    }
    if hasattr(cell, "implementation"):
        arguments["implementation"] = cell.implementation
    return cell_class(
        **arguments,
        name=cell.name,
        dtype=cell.dtype_policy,
        trainable=cell.trainable,
    )
