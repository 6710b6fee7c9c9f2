"""Rows of the conformance table, trained by the workers of a group.

`python -m tests.training.two_workers FOLDER ROW...` is one worker where
`TF_CONFIG` says so, else the process that they are compared with. The chief
writes what came to `FOLDER/ROW-WORKERS.npz`.
"""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.conformance.batches import BATCH
from tests.conformance.instances import compiled
from tests.conformance.table import EVERY_MODEL
from training.strategies import make_strategy
from training.worker_group import WorkerGroup


def data_of(case):
    """Two batches, the last one uneven: its rows cannot be halved."""
    whole = tf.data.Dataset.from_tensors(case.batch(BATCH))
    short = keras.tree.map_structure(
        lambda x: x[: BATCH - 1], case.batch(BATCH)
    )
    uneven = tf.data.Dataset.from_tensors(short)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return whole.concatenate(uneven).with_options(options)


def trained(case, strategy, mode):
    """What a row leaves: history, evaluation, and every number of its state."""
    model = compiled(case, strategy, mode, **case.quiet)
    data = data_of(case)
    history = model.fit(data, epochs=2, validation_data=data, verbose=0).history
    found = {f"history_{name}": values for name, values in history.items()}
    evaluated = model.evaluate(data, verbose=0, return_dict=True)
    found |= {f"evaluate_{name}": value for name, value in evaluated.items()}
    for number, weight in enumerate(model.weights):
        found[f"weight_{number}"] = weight.numpy()
    return found


def main(folder, *names):
    strategy = make_strategy("auto")
    group = WorkerGroup(strategy)
    # One process alone is asked for numbers, which no graph changes.
    mode = "eager" if group.num_workers == 1 else "graph"
    for name in names:
        found = trained(EVERY_MODEL[name], strategy, mode)
        if group.is_chief:
            path = pathlib.Path(folder) / f"{name}-{group.num_workers}.npz"
            np.savez(path, **found)
        print(name, "done", flush=True)
    group.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
