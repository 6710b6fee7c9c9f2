"""Updates that only some of the steps make, on all replicas or on none."""

import tensorflow as tf


def run_if(condition, function, otherwise, *args):
    """Runs one of two functions of a replica's values.

    Args:
        condition: boolean scalar tensor, the same on all replicas.
        function: callable of `args`. It may update weights: replicas do so
            together.
        otherwise: callable of `args` that returns tensors of the same
            structure and dtypes.
        *args: structures of tensors, of this replica.

    Returns:
        What the function returns.
    """
    context = tf.distribute.get_replica_context()
    merges_calls = (
        context.num_replicas_in_sync > 1
        and not tf.__internal__.distribute.strategy_supports_no_merge_call()
    )
    if not merges_calls:
        return tf.cond(
            condition, lambda: function(*args), lambda: otherwise(*args)
        )

    def on_all(strategy, condition, *args):
        # Replicas that meet, as in optimizers, must not do so within a branch
        # of their own: the branch holds all of them.
        first = strategy.experimental_local_results(condition)[0]

        def run(each):
            return strategy.extended.call_for_each_replica(each, args=args)

        return tf.cond(first, lambda: run(function), lambda: run(otherwise))

    return context.merge_call(on_all, args=(condition, *args))
