"""The trainer below every base: what Keras 3.15's `fit` gets wrong, mended.

Each fault was measured on TensorFlow 2.21 with Keras 3.15.1. The tests are in
`tests/models/base/base_model_test.py`; one called `test_keras_still_...` runs
Keras's own code and fails as soon as Keras has mended it: then its remedy can
go.

Repeated ids (keras `TFOptimizer`). Embeddings have `IndexedSlices` gradients
    with repeated ids, and adaptive optimizers sum the squares of the parts.
    Here: dense before the optimizer.
    Test: `test_keras_still_mishandles_repeated_ids`.
Clipping (keras `BaseOptimizer`). Each replica clips its own share, before the
    all-reduce. Here: the all-reduce comes first.
    Test: `test_keras_still_clips_before_the_all_reduce`.
Accumulation (keras `BaseOptimizer`, a merge call inside `ops.cond`).
    `gradient_accumulation_steps` and `ema_overwrite_frequency` crash under a
    strategy. Here: `compile(gradient_accumulation_steps=)` works a batch off in
    parts. Test: `test_keras_still_fails_to_accumulate_under_a_strategy`.
Several steps per execution (keras `TensorFlowTrainer._make_function`). They
    crash under a strategy. Here: batches are fetched eagerly, then one graph
    runs them. Test: `test_keras_still_fails_at_several_steps_per_execution`.
An update too many (tensorflow, inlining drops control inputs). At the end of
    data of unknown length the call without data still advances
    `optimizer.iterations` and the noise. Here: as above.
    Test: `test_keras_still_counts_an_update_without_data`.
Uneven shares (keras `losses.loss.scale_loss_for_distribution`). Replicas with
    fewer examples of the last batch weigh them more. Here: every example weighs
    one over the global batch size.
    Test: `test_uneven_last_batch_equals_one_process`.
Noise (keras `SeedGenerator`). Every replica draws the same, and weight files
    leave its state out. Here: the replica's number is folded in, and states are
    saved. Test: `test_keras_still_repeats_noise_on_every_replica`.
Batch statistics (keras `BatchNormalization`, `synchronized=False`). Each
    replica has its own. Here: synchronized under a strategy.
    Test: `test_batch_statistics_are_of_the_global_batch`.
XLA (tensorflow, resources of another device). A compiled step cannot span the
    replicas of a host. Here: only forward and backward are compiled.
    Test: `test_jit_compiled_replicas_equal_one_process`.
Several hosts (keras-team/keras issue 20585). `fit` reduces nests and scalars in
    ways that `MultiWorkerMirroredStrategy` refuses. Here: reductions that work
    everywhere. No test yet: it takes several processes.
"""

import itertools
import warnings

import keras
import tensorflow as tf

from keras_genseq.export import write_saved_model
from keras_genseq.models.base.distribution import check_optimizer
from keras_genseq.models.base.distribution import fold_in_replica
from keras_genseq.models.base.distribution import leave_reduction_to_trainer
from keras_genseq.models.base.train_function import BatchLoop


class Trainer(keras.Model):
    """A `keras.Model` that trains alike on one device and on many.

    A subclass says what a step minimizes through `minimize`, once per player:
    a likelihood model once, a GAN once for each network. `minimize` takes the
    loss of each example; averaging, micro-batches, replicas, loss scaling and
    clipping happen here.

    A subclass with several optimizers overrides `players`.
    """

    def compile(
        self, optimizer="adam", *, gradient_accumulation_steps=1, **kwargs
    ):
        """Configures training as `keras.Model.compile` does.

        Args:
            optimizer: a Keras optimizer, its name, or None for a model that
                keeps several of its own.
            gradient_accumulation_steps: int. Each batch is worked off in this
                many parts, one after the other, for one update: the result is
                that of the whole batch, at a fraction of the memory.
            **kwargs: passed to `keras.Model.compile`.

        Raises:
            ValueError: if an option of the optimizer cannot work under the
                model's distribution strategy.
        """
        if gradient_accumulation_steps < 1:
            raise ValueError(
                "`gradient_accumulation_steps` must be at least 1. Received: "
                f"gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Model doesn't support `jit")
            super().compile(optimizer=optimizer, **kwargs)
        if kwargs.get("jit_compile") is True and not self.run_eagerly:
            # Keras turns XLA off under op determinism; on request it stays.
            self._jit_compile = True
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._prepare_players()

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            config["gradient_accumulation_steps"] = (
                self.gradient_accumulation_steps
            )
        return config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    @property
    def players(self):
        """dict: name -> (optimizer, its trainable variables)."""
        return {"model": (self.optimizer, self.trainable_variables)}

    @property
    def training_state(self):
        """All that a resumed run needs: a list of `tf.Variable`s.

        Weights, seeds of noise, optimizers (all of them) and metrics, in an
        order that depends on the model's construction alone.
        """
        variables = self.variables + self.metrics_variables
        variables += [g.state for g in self._seed_generators_below()]
        for optimizer, _ in self.players.values():
            variables += optimizer.variables if optimizer else []
        unique = {id(v): v for v in variables}
        return [getattr(v, "value", v) for v in unique.values()]

    def minimize(self, loss_fn, batch, player="model"):
        """One update of one player on the mean loss of the global batch.

        Args:
            loss_fn: callable `batch -> (losses, terms)`; `losses` is
                `(batch_size,)`, or a scalar that is already their mean;
                `terms` is a dict of `(batch_size,)` tensors to report. It must
                not update metrics: under XLA and several replicas it is
                compiled apart from them.
            batch: structure of tensors with a leading batch dimension.
            player: str. Key of `players`.

        Returns:
            The losses and terms of this replica's share of the batch.
        """
        optimizer, variables = self.players[player]
        context = tf.distribute.get_replica_context()
        num_replicas = context.num_replicas_in_sync
        size = _batch_size(batch)
        if num_replicas > 1:
            size = context.all_reduce(tf.distribute.ReduceOp.SUM, size)
        size = tf.cast(size, tf.float32)
        scale = optimizer.scale_loss(1.0 / size)

        def gradients(batch, scale):
            return self._accumulate(loss_fn, batch, scale, variables)

        if num_replicas > 1 and self.jit_compile:
            gradients = tf.function(gradients, jit_compile=True)
        grads, losses, terms = gradients(batch, scale)
        if num_replicas > 1:
            grads = _all_reduce(context, grads)
        terms = {**terms, **self.gradient_terms(player, grads, scale * size)}
        optimizer.apply(grads, variables)
        return losses, terms

    def gradient_terms(self, player, grads, scale):
        """What is reported of an update's gradients; by default nothing.

        Args:
            player: str. Key of `players`.
            grads: list of the gradients of the global batch, one a variable.
            scale: float scalar by which they are too large, of the loss
                scaling of float16.

        Returns:
            dict of scalars or `(batch_size,)` tensors, as terms of losses.
        """
        return {}

    def _accumulate(self, loss_fn, batch, scale, variables):
        """Sums scaled gradients over the parts of a batch."""
        total, losses, terms = None, [], []
        for part in _split(batch, self.gradient_accumulation_steps):
            # A part starts when the one before it is done, or all parts'
            # activations would be alive together.
            with tf.control_dependencies(_present(total)):
                part = _map(tf.identity, part)
            with tf.GradientTape() as tape:
                part_losses, part_terms = loss_fn(part)
                part_losses = tf.cast(part_losses, tf.float32)
                if part_losses.shape.rank == 0:
                    part_losses = tf.fill([_batch_size(part)], part_losses)
                loss = tf.reduce_sum(part_losses) * scale
            grads = [_dense(g) for g in tape.gradient(loss, variables)]
            total = (
                grads
                if total is None
                else [_add(a, b) for a, b in zip(total, grads, strict=True)]
            )
            losses.append(part_losses)
            terms.append(part_terms)
        if len(losses) == 1:
            return total, losses[0], terms[0]
        concatenated = {
            name: tf.concat([t[name] for t in terms], 0) for name in terms[0]
        }
        return total, tf.concat(losses, 0), concatenated

    def train_step(self, data):
        def loss_fn(batch):
            return self._example_losses(batch, training=True)

        losses, terms = self.minimize(loss_fn, data)
        return self.track(losses, terms)

    def test_step(self, data):
        return self.track(*self._example_losses(data, training=False))

    def _example_losses(self, batch, training, **noise):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        losses, terms = self.example_losses(x, y, training=training, **noise)
        if sample_weight is not None:
            losses = losses * tf.cast(sample_weight, losses.dtype)
        return losses, terms

    def example_losses(self, x, y, *, training):
        """What one player minimizes, and what it reports.

        Args:
            x: inputs of a batch.
            y: targets, or None.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms, each
            fed to the metric of that name.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must say what it minimizes: override "
            "`example_losses`, or `train_step` and `test_step`."
        )

    def track(self, losses, terms):
        """Updates the loss and the metrics named as the terms.

        Returns:
            dict of the metrics' present values.
        """
        self._loss_tracker.update_state(losses)
        metrics = {metric.name: metric for metric in self.metrics}
        for name, values in terms.items():
            metrics[name].update_state(values)
        return self.get_metrics_result()

    def fit(self, *args, **kwargs):
        self._assert_compile_called("fit")
        self._prepare_players()
        self.make_train_function().num_batches = 0
        history = super().fit(*args, **kwargs)
        if history.epoch and self.train_function.num_batches == 0:
            raise ValueError(
                "The training data held no batch: nothing was learned. Check "
                "the data set, and a `drop_remainder` with a batch size above "
                "its length."
            )
        return history

    def compile_method(self, method, jit_compile="auto"):
        """A method of this model as one XLA program per input shape.

        Args:
            method: bound method of tensors.
            jit_compile: bool, or `"auto"`: not where a layer runs what XLA
                cannot compile, such as cuDNN on a GPU.

        Returns:
            A `tf.function`, the same one at every call.
        """
        # Not an attribute Keras sees: it would be saved with the weights.
        functions = self.__dict__.setdefault("_compiled_methods", {})
        if jit_compile == "auto":
            layers = self._flatten_layers()
            jit_compile = all(layer.supports_jit for layer in layers)
        if method.__name__ not in functions:
            functions[method.__name__] = tf.function(
                method,
                jit_compile=jit_compile,
                autograph=False,
                reduce_retracing=False,
            )
        return functions[method.__name__]

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = BatchLoop(self, self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = BatchLoop(self, self.test_step)
        return self.test_function

    def serving_signatures(self):
        """What `export` offers: dict of name to `Signature`.

        A class without signatures of its own exports as Keras does.
        """
        return {}

    def export(self, filepath, format="tf_saved_model", **kwargs):
        """Writes a SavedModel with the model's own signatures.

        Args:
            filepath: path of the new folder; an older SavedModel is replaced
                at once.
            format: `"tf_saved_model"`; any other format, and a class without
                signatures, are left to `keras.Model.export`.
            **kwargs: passed to `keras.Model.export` in that case.

        Raises:
            ValueError: if `filepath` holds something that is no SavedModel.
            OSError: if the folder cannot be written.
        """
        if format != "tf_saved_model" or not self.serving_signatures():
            super().export(filepath, format=format, **kwargs)
            return
        write_saved_model(self, filepath)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, state in self._named_seed_states().items():
            store[name] = keras.ops.convert_to_numpy(state)

    def load_own_variables(self, store):
        own = {key: store[key] for key in store.keys()}  # noqa: SIM118
        for name, state in self._named_seed_states().items():
            if name in own:
                state.assign(own.pop(name)[...])
        super().load_own_variables(own)

    def _seed_generators_below(self):
        layers = [self, *self._flatten_layers(include_self=False)]
        found = [g for layer in layers for g in layer._seed_generators]
        return list({id(g): g for g in found}.values())

    def _named_seed_states(self):
        generators = self._seed_generators_below()
        return {
            f"seed_generator_{i}": g.state for i, g in enumerate(generators)
        }

    def _prepare_players(self):
        """Builds optimizers, and mends them and the layers for replicas."""
        num_replicas = self.distribute_strategy.num_replicas_in_sync
        for optimizer, variables in self.players.values():
            if optimizer is None:
                continue
            if num_replicas > 1:
                check_optimizer(optimizer, self.distribute_strategy)
                leave_reduction_to_trainer(optimizer)
            if self.built and not optimizer.built:
                with self.distribute_strategy.scope():
                    optimizer.build(variables)
        if num_replicas > 1:
            for layer in self._flatten_layers():
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True
            for generator in self._seed_generators_below():
                fold_in_replica(generator)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras reduces the batches of the replicas here, which only the
        # single-host strategies survive; the first one has all the shapes.
        if self._distribute_strategy is None:
            return
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            data_batch = next(batches)
        strategy = self.distribute_strategy
        data_batch = keras.tree.map_structure(
            lambda x: strategy.experimental_local_results(x)[0], data_batch
        )
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)


def _map(function, batch):
    """Applies a function to the tensors of a batch; absent parts stay None."""
    return keras.tree.map_structure(
        lambda x: None if x is None else function(x), batch
    )


def _batch_size(batch):
    leaves = [x for x in keras.tree.flatten(batch) if x is not None]
    return tf.shape(leaves[0])[0]


def _split(batch, num_parts):
    """Cuts every tensor of a batch into `num_parts` runs of rows."""
    if num_parts == 1:
        return [batch]
    leaves = [x for x in keras.tree.flatten(batch) if x is not None]
    size = leaves[0].shape[0]
    if size is None:
        size = tf.shape(leaves[0])[0]
    starts = [size * i // num_parts for i in range(num_parts + 1)]
    return [
        _map(lambda x, s=start, e=end: x[s:e], batch)
        for start, end in itertools.pairwise(starts)
    ]


def _dense(gradient):
    if isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient


def _present(gradients):
    return [g for g in gradients or [] if g is not None]


def _add(a, b):
    if a is None or b is None:
        return a if b is None else b
    return a + b


def _all_reduce(context, gradients):
    reduced = iter(
        context.all_reduce(tf.distribute.ReduceOp.SUM, _present(gradients))
    )
    return [None if g is None else next(reduced) for g in gradients]
