"""Makes optimizers and noise of Keras fit for several replicas."""

import tensorflow as tf

# Any odd constant far from the small steps by which seed states advance.
_REPLICA_STRIDE = 0x9E3779B1


def _innermost(optimizer):
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


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


def global_rows(num_rows):
    """Numbers of this replica's rows within the global batch.

    What is drawn from the number of a row is the same however the batch is
    shared out. It must not be called where XLA compiles a replica's part.

    Args:
        num_rows: integer scalar. Rows of this replica's share.

    Returns:
        int32 tensor `(num_rows,)`.
    """
    context = tf.distribute.get_replica_context()
    rows = tf.range(num_rows)
    num_replicas = context.num_replicas_in_sync
    if num_replicas == 1:
        return rows
    replica = context.replica_id_in_sync_group
    mine = tf.one_hot(replica, num_replicas, on_value=num_rows, off_value=0)
    shares = context.all_reduce(tf.distribute.ReduceOp.SUM, mine)
    return rows + tf.reduce_sum(shares[:replica])
