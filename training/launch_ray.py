"""Starts the workers of a run by Ray Train, on the hosts of its cluster."""

import os
import signal
import subprocess
import sys
import tempfile

from training.launch import die_with_parent
from training.launch import network_notice


def launch_ray(command, workers=2, max_restarts=3, address=None):
    """Runs a command as workers that Ray Train places, and starts again.

    Ray sets `TF_CONFIG`. Each worker runs the command in a process of its own,
    which hears the signals that a thread of Ray would not.

    Args:
        command: list of str, a Python interpreter and its arguments; on the
            hosts of the cluster that of Ray's workers is taken.
        workers: int.
        max_restarts: int. How often all are started again when one has died.
        address: address of Ray's cluster. None makes one of this machine, in a
            network of its own where that is allowed.

    Returns:
        Exit status: 0 if all ended well, else 1.

    Raises:
        ImportError: if Ray is not installed.
    """
    try:
        import ray
        from ray import train
        from ray.train.tensorflow import TensorflowTrainer
    except ImportError as error:
        raise ImportError(
            "`--ray` needs Ray Train on every host: "
            "pip install 'keras-genseq[ray]'."
        ) from error
    options = {"address": address}
    if address is None:
        print(network_notice(), flush=True)
        options = {
            "num_cpus": max(workers, os.cpu_count() or 1),
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    ray.init(**options)
    scaling = train.ScalingConfig(
        num_workers=workers,
        use_gpu=ray.cluster_resources().get("GPU", 0) >= workers,
    )
    trainer = TensorflowTrainer(
        run_in_worker,
        train_loop_config={"arguments": command[1:], "folder": os.getcwd()},
        scaling_config=scaling,
        run_config=train.RunConfig(
            storage_path=tempfile.mkdtemp(prefix="keras_genseq_ray_"),
            failure_config=train.FailureConfig(max_failures=max_restarts),
        ),
    )
    try:
        trainer.fit()
    except train.TrainingFailedError as error:
        print(f"Ray gave up: {error}", file=sys.stderr)
        return 1
    finally:
        ray.shutdown()
    return 0


def run_in_worker(config):
    """One worker: runs the command until it ends.

    Args:
        config: dict of the command's `arguments`, and the `folder` it runs in.

    Raises:
        RuntimeError: if it ends badly; Ray then starts all workers again.
    """
    process = subprocess.Popen(
        [sys.executable, *config["arguments"]],
        cwd=config["folder"],
        # Ray kills the workers of a broken group: nothing of theirs may then
        # hold the run folder against those that come after them.
        preexec_fn=lambda: die_with_parent(signal.SIGKILL),
    )
    try:
        status = process.wait()
    finally:
        process.kill()
    if status:
        raise RuntimeError(
            f"`{' '.join(config['arguments'])}` ended with status {status}; "
            "what the worker printed says why."
        )
