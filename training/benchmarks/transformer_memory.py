"""Peak memory of attention, each measurement in a fresh process."""

import concurrent.futures
import multiprocessing
import os

from training.benchmarks.resident_memory import forget_peak
from training.benchmarks.resident_memory import resident

# Name to whether keys are worked off block by block.
PATHS = {"blockwise": True, "plain": False}


def measure_attention(path, length, sizes, threads):
    """Measures one forward and backward pass in a process of its own.

    Args:
        path: str. Key of `PATHS`.
        length: int. Steps of the one sequence.
        sizes: has `num_heads` and `hidden_dim`.
        threads: int.

    Returns:
        int: bytes by which the pass raises the peak of the process's resident
        memory above what it held; None where the system does not tell.
    """
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        job = pool.submit(
            _run,
            PATHS[path],
            length,
            sizes.num_heads,
            sizes.hidden_dim,
            threads,
        )
        return job.result()


def _run(blockwise, length, num_heads, hidden_dim, threads):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from keras_genseq.layers import MultiHeadAttention
    from training.benchmarks.environment import set_threads

    set_threads("tensorflow", threads)
    layer = MultiHeadAttention(num_heads, blockwise=blockwise)
    layer.build((1, length, hidden_dim))

    @tf.function(autograph=False)
    def gradients(x):
        with tf.GradientTape() as tape:
            y = layer(x, use_causal_mask=True)
            loss = tf.reduce_sum(tf.square(y))
        return tape.gradient(loss, layer.trainable_variables)

    # Traced and started on a short sequence, in the same graph.
    gradients = gradients.get_concrete_function(
        tf.TensorSpec((1, None, hidden_dim))
    )
    gradients(tf.random.stateless_normal((1, 64, hidden_dim), (0, 0)))
    x = tf.random.stateless_normal((1, length, hidden_dim), (0, 0))
    before = resident("VmRSS")
    forget_peak()
    gradients(x)
    peak = resident("VmHWM")
    return None if before is None else peak - before
