"""The host's side of a training step."""

import keras
import tensorflow as tf


class BatchLoop:
    """Takes `steps_per_execution` batches and runs one graph over them.

    Batches are fetched before the graph starts: inside it, the call that finds
    no data would still run whatever does not depend on them.
    """

    def __init__(self, model, step):
        strategy = model.distribute_strategy
        num_replicas = strategy.num_replicas_in_sync

        def run(batch):
            logs = strategy.run(step, args=(batch,))
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
        self._steps = model.steps_per_execution
        self._model = model
        self._num_skipped = 0
        self.num_batches = 0

    def skip(self, num_batches):
        """Lets the next calls pass for `num_batches` batches without any.

        For a run that goes on in the middle of an epoch: `fit` counts a whole
        epoch, while the data start where the run was broken off.
        """
        self._num_skipped = num_batches

    def __call__(self, iterator):
        if self._num_skipped > 0:
            self._num_skipped -= self._steps
            self.num_batches += self._steps
            return self._model.get_metrics_result()
        batches = []
        for _ in range(self._steps):
            try:
                batches.append(next(iterator))
            except (StopIteration, tf.errors.OutOfRangeError):
                if not batches:
                    raise
                break
        self.num_batches += len(batches)
        if len(batches) == 1:
            return self._run(batches[0])
        return self._run_all(batches)
