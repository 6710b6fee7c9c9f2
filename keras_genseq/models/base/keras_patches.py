"""Keras, mended: everything that works around a fault of Keras 3.15.

Each fault was measured on TensorFlow 2.21 with Keras 3.15.1. The tests are in
`tests/models/base/`; one called `test_keras_still_...`
runs Keras's own code and fails as soon as Keras has mended it: then its remedy
can go.

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
Steps of an epoch (keras `EpochIterator`). The last execution of an epoch takes
    `steps_per_execution` batches, however few are left. Here: those.
    Test: `test_an_epoch_has_its_steps_whatever_the_execution`.
Weights without targets (keras data adapters). `fit(x, sample_weight=)` drops
    the weights where there is no `y`, and a `PyDataset` cannot hold a None.
    Here: they go along with the examples, and () stands for None.
    Test: `test_weights_count_without_targets`.
An update too many (tensorflow, inlining drops control inputs). At the end of
    data of unknown length the call without data still advances
    `optimizer.iterations` and the noise. Here: as above.
    Test: `test_keras_still_counts_an_update_without_data`.
Reads after writes (tensorflow, Grappler's dependency optimizer). It drops the
    order of a weight's read and its update where another path joins them, and
    that path may be cut later: where it is of constants in the end, as those of
    a Wasserstein loss are. Rarely, a loss is then that of the next weights.
    Here: steps run without this optimizer; they take no longer.
    Test: `test_tensorflow_still_reads_weights_after_they_are_written`.
Uneven shares (keras `losses.loss.scale_loss_for_distribution`). Replicas with
    fewer examples of the last batch weigh them more. Here: every example weighs
    one over the global batch size.
    Test: `test_uneven_last_batch_equals_one_process`.
Noise (keras `SeedGenerator`). Every replica draws the same, and weight files
    leave its state out. Here: the replica's number is folded in, and states are
    saved. Test: `test_keras_still_repeats_noise_on_every_replica`.
Checkpoints (keras `TFLayer`). `tf.train.Checkpoint` of a model that is not
    compiled leaves out, silently, the layers that a list holds. Here: it holds
    all weights, and optimizers. `layers.checkpointed_lists` does the same.
    Test: `test_keras_still_leaves_lists_out_of_checkpoints`.
Batch statistics (keras `BatchNormalization`, `synchronized=False`). Each
    replica has its own. Here: synchronized under a strategy.
    Test: `test_batch_statistics_are_of_the_global_batch`.
XLA (tensorflow, resources of another device). A compiled step cannot span the
    replicas of a host. Here: only forward and backward are compiled.
    Test: `test_jit_compiled_replicas_equal_one_process`.
Several hosts (keras-team/keras issue 20585). `fit` reduces nests and scalars in
    ways that `MultiWorkerMirroredStrategy` refuses. Here: reductions that work
    everywhere. Test: `tests/training/multi_worker_test.py`.
Uneven shares on several hosts (keras `BatchNormalization`, gradients of its
    counts). Hosts whose shares differ trace different collectives, and stop.
    Here: `with_free_rows`. Test: as above, DCGAN.
"""

import contextlib
import functools
import math
import warnings

import keras
import tensorflow as tf
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.eager import context as tf_context

# Any odd constant far from the small steps by which seed states advance.
_REPLICA_STRIDE = 0x9E3779B1


class PatchedModel(keras.Model):
    """A `keras.Model` whose `fit` works alike on one device and on many.

    A subclass says which optimizers there are, and for which variables, by
    `optimizer_groups`.
    """

    @property
    def optimizer_groups(self):
        """dict: name -> (optimizer, its trainable variables)."""
        # Before `compile`, Keras's models have no such attribute.
        optimizer = getattr(self, "optimizer", None)
        return {"model": (optimizer, self.trainable_variables)}

    @property
    def training_state(self):
        """All that a resumed run needs: a list of `tf.Variable`s.

        Weights, seeds of noise, optimizers (all of them) and metrics, in an
        order that depends on the model's construction alone.
        """
        variables = self.variables + self.metrics_variables
        variables += [g.state for g in self._seed_generators_below()]
        for optimizer, _ in self.optimizer_groups.values():
            variables += optimizer.variables if optimizer else []
        unique = {id(v): v for v in variables}
        return [getattr(v, "value", v) for v in unique.values()]

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        if save_type != "checkpoint":
            return super()._trackable_children(save_type, **kwargs)
        seeds = [g.state for g in self._seed_generators_below()]
        parts = {"weight": self.weights, "seed": seeds}
        # By their names: one that is not compiled has fewer.
        for metric in self.metrics:
            parts[f"{metric.name}_metric"] = metric.variables
        for group, (optimizer, _) in self.optimizer_groups.items():
            if optimizer is not None:
                parts[f"{group}_optimizer"] = optimizer.variables
        return {
            f"{part}_{i}": getattr(variable, "value", variable)
            for part, variables in parts.items()
            for i, variable in enumerate(variables)
        }

    def compile(self, optimizer="adam", **kwargs):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Model doesn't support `jit")
            super().compile(optimizer=optimizer, **kwargs)
        if kwargs.get("jit_compile") is True and not self.run_eagerly:
            # Keras turns XLA off under op determinism; on request it stays.
            self._jit_compile = True
        self._prepare_optimizers()

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        *,
        steps_per_epoch=None,
        **kwargs,
    ):
        self._assert_compile_called("fit")
        self._prepare_optimizers()
        self.make_train_function().num_batches = 0
        self.train_function.start(steps_per_epoch)
        if self.steps_per_execution > 1 and not isinstance(
            callbacks, keras.callbacks.CallbackList
        ):
            callbacks = ExactSteps(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=steps_per_epoch or _num_batches(x, batch_size),
                model=self,
            )
        history = super().fit(
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            steps_per_epoch=steps_per_epoch,
            **kwargs,
        )
        if history.epoch and self.train_function.num_batches == 0:
            raise ValueError(
                "The training data held no batch: nothing was learned. Check "
                "the data set, and a `drop_remainder` with a batch size above "
                "its length."
            )
        return history

    def evaluate(self, *args, steps=None, **kwargs):
        self.make_test_function().num_batches = 0
        self.test_function.start(steps)
        results = super().evaluate(*args, steps=steps, **kwargs)
        if self.test_function.num_batches == 0:
            raise ValueError(
                "The data to evaluate held no batch: nothing was measured. A "
                "generator can be read once: give one that lasts."
            )
        return results

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = StepFunction(self, self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = StepFunction(self, self.test_step)
        return self.test_function

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

    def _prepare_optimizers(self):
        """Builds optimizers, and mends them and the layers for replicas."""
        num_replicas = self.distribute_strategy.num_replicas_in_sync
        for optimizer, variables in self.optimizer_groups.values():
            if optimizer is None:
                continue
            if num_replicas > 1:
                check_optimizer(optimizer, self.distribute_strategy)
                leave_reduction_to_trainer(optimizer)
            if self.built and not optimizer.built:
                with self.distribute_strategy.scope():
                    optimizer.build(variables)
            check_knows(optimizer, variables)
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


class StepFunction:
    """Takes `steps_per_execution` batches and runs one graph over them.

    Batches are fetched before the graph starts: inside it, the call that finds
    no data would still run whatever does not depend on them.
    """

    def __init__(self, model, step):
        strategy = model.distribute_strategy
        num_replicas = strategy.num_replicas_in_sync
        if spans_hosts(strategy):
            step = with_free_rows(step)

        def run(batch):
            logs = strategy.run(step, args=(_with_absent_parts(batch),))
            if num_replicas == 1:
                return logs
            metrics = model.get_metrics_result()
            if set(logs) <= set(metrics):
                # Read here, metrics weigh the replicas by their examples.
                return {name: metrics[name] for name in logs}
            return keras.tree.map_structure(
                lambda value: strategy.reduce("MEAN", value, axis=None), logs
            )

        if not model.run_eagerly:
            run = tf.function(
                run,
                reduce_retracing=True,
                autograph=False,
                jit_compile=bool(model.jit_compile) and num_replicas == 1,
            )

        # Keras hands absent targets over as empty optionals.
        run = model._autoconvert_optionals(run)

        def run_all(batches):
            for batch in batches:
                logs = run(batch)
            return logs

        self._run = run
        self._run_all = (
            run_all
            if model.run_eagerly
            else tf.function(run_all, reduce_retracing=True, autograph=False)
        )
        self._model = model
        self._steps_per_execution = model.steps_per_execution
        self.num_batches = 0
        self.start(None)

    def start(self, steps_per_epoch):
        """Begins to count epochs.

        Args:
            steps_per_epoch: int, or None where the data end an epoch.
        """
        self._steps_per_epoch = steps_per_epoch
        self._last_step = math.inf
        self._num_skipped = 0
        self.epoch_step = 0

    def end_after(self, num_batches):
        """Takes no more than `num_batches` of an epoch.

        For a run whose last update lies within an epoch, and may lie within an
        execution; whoever calls this then stops `fit`.
        """
        self._last_step = num_batches

    def skip(self, num_batches):
        """Lets the next calls pass for `num_batches` batches without any.

        For a run that goes on in the middle of an epoch: `fit` counts a whole
        epoch, while the data start where the run was broken off.
        """
        self._num_skipped = num_batches

    def __call__(self, iterator):
        steps = self._steps_per_execution
        if self._steps_per_epoch:
            if self.epoch_step >= self._steps_per_epoch:
                self.epoch_step = 0
            last_step = min(self._steps_per_epoch, self._last_step)
            steps = max(0, min(steps, last_step - self.epoch_step))
        skipped = min(steps, self._num_skipped)
        self._num_skipped -= skipped
        batches = []
        for _ in range(steps - skipped):
            try:
                batches.append(next(iterator))
            except (StopIteration, tf.errors.OutOfRangeError):
                if not batches and not skipped:
                    raise
                break
        self.num_batches += skipped + len(batches)
        self.epoch_step += skipped + len(batches)
        if not batches:
            return self._model.get_metrics_result()
        with variables_in_order():
            if len(batches) == 1:
                return self._run(batches[0])
            return self._run_all(batches)


def _with_absent_parts(batch):
    """A batch with None in place of `()`, as `CheckedPyDataset` writes it."""
    if not isinstance(batch, tuple):
        return batch
    return tuple(
        None if isinstance(part, tuple) and not part else part for part in batch
    )


def _num_batches(x, batch_size):
    """Batches of an epoch where they are known, else None."""
    if isinstance(x, tf.data.Dataset):
        count = int(x.cardinality())
        return count if count >= 0 else None
    if hasattr(x, "shape"):
        return -(-x.shape[0] // (batch_size or 32))
    return getattr(x, "num_batches", None)


class ExactSteps(keras.callbacks.CallbackList):
    """Callbacks that hear how many steps of an epoch are done, not more.

    Keras counts executions: 35 steps, 20 at a time, are 40 to it.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._model.train_function.epoch_step = 0
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        done = self._model.train_function.epoch_step
        super().on_train_batch_end(done - 1, logs)


def _innermost(optimizer):
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def check_knows(optimizer, variables):
    """Refuses to train what an optimizer was not built for.

    Args:
        optimizer: Keras optimizer.
        variables: list of the variables that it is to update.

    Raises:
        ValueError: that says what to do.
    """
    optimizer = _innermost(optimizer)
    known = {id(v) for v in optimizer._trainable_variables}
    unknown = [v.path for v in variables if id(v) not in known]
    if optimizer.built and unknown:
        raise ValueError(
            f"The optimizer {optimizer.name!r} was made for other weights than "
            f"those that are to be trained now, such as {unknown[0]!r}. Make "
            "a new one and `compile` with it: for each model, and when "
            "`trainable` was set to True."
        )


def check_optimizer(optimizer, strategy):
    """Refuses optimizers that would crash or miscount under a strategy.

    Args:
        optimizer: Keras optimizer.
        strategy: `tf.distribute.Strategy` of the model.

    Raises:
        ValueError: that names what to do instead.
    """
    optimizer = _innermost(optimizer)
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            "An optimizer with `gradient_accumulation_steps` cannot run under "
            "a distribution strategy. Leave it out of the optimizer and pass "
            "`model.compile(optimizer, gradient_accumulation_steps="
            f"{optimizer.gradient_accumulation_steps})` instead."
        )
    if optimizer.use_ema and optimizer.ema_overwrite_frequency:
        raise ValueError(
            "An optimizer with `ema_overwrite_frequency` cannot run under a "
            "distribution strategy. Set it to None: the averaged weights are "
            "put in place when `fit` ends."
        )
    # Every replica would count each update: schedules would run too fast.
    if not strategy.extended.variable_created_in_scope(
        optimizer.iterations.value
    ):
        raise ValueError(
            f"The optimizer {optimizer.name!r} was made outside the scope of "
            "the model's distribution strategy. Make it where the model is "
            "made: `with strategy.scope(): ...`."
        )


def leave_reduction_to_trainer(optimizer):
    """Takes the all-reduce out of an optimizer's update."""
    # Gradients arrive already summed over the replicas: reducing them again
    # would multiply them by the number of replicas.
    _innermost(optimizer)._all_reduce_sum_gradients = list


def fold_in_replica(generator):
    """Makes a `SeedGenerator` draw other seeds on every replica."""
    if getattr(generator, "_folds_in_replica", False):
        return
    next_seed = generator.next

    def next_on_replica(ordered=True):
        seed = next_seed(ordered=ordered)
        context = tf.distribute.get_replica_context()
        if context is None:
            return seed
        replica = tf.cast(context.replica_id_in_sync_group, tf.uint32)
        offset = tf.cast(
            replica * tf.constant(_REPLICA_STRIDE, tf.uint32), seed.dtype
        )
        return seed + tf.stack([offset, tf.zeros_like(offset)])

    generator.next = next_on_replica
    generator._folds_in_replica = True


@functools.lru_cache
def _without_reordering(configuration):
    """A configuration, serialized, without the dependency optimizer."""
    config = tf.compat.v1.ConfigProto.FromString(configuration)
    rewrites = config.graph_options.rewrite_options
    rewrites.dependency_optimization = RewriterConfig.OFF
    return config


@contextlib.contextmanager
def variables_in_order():
    """Graphs that run within read and write variables in the traced order."""
    eager = tf_context.context()
    before = eager.function_call_options
    eager.function_call_options = tf_context.FunctionCallOptions(
        executor_type=before.executor_type,
        config_proto=_without_reordering(before.config_proto_serialized),
    )
    try:
        yield
    finally:
        eager.function_call_options = before


def spans_hosts(strategy):
    """Whether a strategy's replicas are in several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def with_free_rows(step):
    """A step whose trace is the same for any number of rows.

    Hosts meet in collectives, the first of one in the first of the others. A
    host whose share of the last batch is smaller traces anew, for any number of
    rows, and the gradient of a synchronized batch normalization then has one
    collective more: it differentiates the number of rows. So all trace for any
    number of rows from the beginning.

    Args:
        step: callable of a batch.
    """

    def free(x):
        if not isinstance(x, tf.Tensor) or not x.shape.rank:
            return x
        return tf.raw_ops.PlaceholderWithDefault(
            input=x, shape=[None, *x.shape[1:]]
        )

    def step_of_any_size(batch):
        return step(keras.tree.map_structure(free, batch))

    return step_of_any_size
