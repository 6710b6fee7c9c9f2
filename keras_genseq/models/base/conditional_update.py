"""Updates that only some of the steps make, on all replicas or on none."""

import tensorflow as tf


def run_if(condition, function, otherwise, *args):
    """Runs a function of this replica's values, or leaves it out.

    Args:
        condition: boolean scalar tensor, the same on all replicas.
        function: callable of `args`. It may update weights: replicas do so
            together.
        otherwise: structure of tensors as the function returns it, which take
            their place.
        *args: structures of tensors, of this replica.

    Returns:
        What the function returns, or `otherwise`.
    """
    context = tf.distribute.get_replica_context()
    if (
        context.num_replicas_in_sync == 1
        or tf.__internal__.distribute.strategy_supports_no_merge_call()
    ):
        return tf.cond(condition, lambda: function(*args), lambda: otherwise)

    def on_all(strategy, condition, otherwise, *args):
        # Replicas that meet, as in optimizers, must not do so within a branch
        # of their own: the branch holds all of them.
        run = strategy.extended.call_for_each_replica
        return tf.cond(
            strategy.experimental_local_results(condition)[0],
            lambda: run(function, args),
            # Else a tensor that all have in common would be one for all.
            lambda: run(_copied, (otherwise,)),
        )

    found = context.merge_call(on_all, args=(condition, otherwise, *args))
    # A branch of all replicas forgets the shapes of each.
    return tf.nest.map_structure(
        lambda x, other: tf.ensure_shape(x, other.shape), found, otherwise
    )


def _copied(tensors):
    return tf.nest.map_structure(tf.identity, tensors)
