"""Distribution strategies by name."""

import json
import os
import shutil

import tensorflow as tf
from tensorflow.python.distribute.cluster_resolver import slurm_cluster_resolver

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
# Jobs of one machine take ports of their own, below those that Linux gives out.
_FIRST_PORT, _NUM_PORTS = 12_000, 20_000


def make_strategy(name="auto", num_devices=None):
    """Makes a `tf.distribute` strategy.

    Call it before TensorFlow has run anything: on a machine without GPUs,
    `mirrored` splits the CPU into logical devices, and `multi_worker` starts a
    server, which only a fresh process can.

    Args:
        name: `"one_device"` (TensorFlow's default strategy, which places on the
            first GPU if there is one); `"mirrored"` (all GPUs of this host, or
            logical CPUs: replicas then run side by side on the cores);
            `"multi_worker"` (this process is one of several, on any number of
            hosts, that `TF_CONFIG` or Slurm names); `"tpu"` (the TPU that
            `TPU_NAME` names, or that of this host); `"auto"` (several workers
            where `TF_CONFIG` names several, mirrored where there are several
            GPUs, else one device).
        num_devices: optional int. Devices of `mirrored`; by default all GPUs,
            or two logical CPUs.

    Raises:
        ValueError: if there is no such strategy, there are fewer devices, or
            nothing says who the workers are.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`strategy` must be one of {', '.join(STRATEGIES)}. "
            f"Received: {name!r}"
        )
    if num_devices is not None and num_devices < 1:
        raise ValueError(
            f"`devices` must be at least 1. Received: devices={num_devices}"
        )
    if num_devices and name not in ("auto", "mirrored"):
        raise ValueError(
            f"`devices` are those of `mirrored`; {name!r} takes all there are. "
            f"Leave it out. Received: devices={num_devices}"
        )
    if name == "auto" and len(_workers(_tf_config())) > 1:
        name = "multi_worker"
    if name == "multi_worker":
        return _multi_worker()
    if name == "tpu":
        return _tpu()
    gpus = tf.config.list_physical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        # Not `OneDeviceStrategy`: the threads of its iterator of many devices
        # make a short evaluation three times as slow on a busy host.
        return tf.distribute.get_strategy()
    kind = "gpu" if gpus else "cpu"
    num_devices = num_devices or (len(gpus) if gpus else 2)
    if gpus and num_devices > len(gpus):
        raise ValueError(
            f"This host has {len(gpus)} GPUs, but {num_devices} were asked for."
        )
    if not gpus:
        _split_cpu(num_devices)
    return tf.distribute.MirroredStrategy(
        [f"/{kind}:{i}" for i in range(num_devices)]
    )


def slurm_config():
    """What `TF_CONFIG` would say of this task of a Slurm step.

    `SlurmClusterResolver` names hosts and ports, and shows each task its GPUs.
    Two of its faults are mended: it cannot do without GPUs, and it sorts hosts
    by name (`node10` before `node2`) while Slurm numbers tasks in the order of
    its list.

    Returns:
        dict.
    """
    step = os.environ
    options = {}
    if "CUDA_VISIBLE_DEVICES" not in step and not shutil.which("nvidia-smi"):
        num_tasks = int(step["SLURM_STEP_NUM_TASKS"])
        options = {"gpus_per_node": num_tasks, "gpus_per_task": 1}
        options["auto_set_gpu"] = False
    port = _FIRST_PORT + int(step.get("SLURM_JOB_ID", 0)) * 100 % _NUM_PORTS
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=port, **options
    )
    addresses = resolver.cluster_spec().as_dict()["worker"]
    hosts = slurm_cluster_resolver.expand_hostlist(step["SLURM_STEP_NODELIST"])
    addresses.sort(key=lambda a: hosts.index(a.rpartition(":")[0]))
    return {
        "cluster": {"worker": addresses},
        "task": {"type": "worker", "index": int(step["SLURM_PROCID"])},
    }


def _multi_worker():
    config = _tf_config()
    if not config and "SLURM_STEP_NODELIST" in os.environ:
        config = slurm_config()
        os.environ["TF_CONFIG"] = json.dumps(config)
    _check_cluster(config)
    # On GPUs NCCL, on CPUs rings over gRPC.
    return tf.distribute.MultiWorkerMirroredStrategy()


def _tf_config():
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"TF_CONFIG is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"TF_CONFIG must be a JSON object. Received: {text}")
    return config


def _workers(config):
    """Addresses of the workers, the chief first."""
    cluster = config.get("cluster", {})
    return [*cluster.get("chief", []), *cluster.get("worker", [])]


def _check_cluster(config):
    cluster, task = config.get("cluster", {}), config.get("task", {})
    members = cluster.get(task.get("type"), [])
    if (
        not _workers(config)
        or not set(cluster) <= {"chief", "worker"}
        or task.get("index") not in range(len(members))
    ):
        raise ValueError(
            "`multi_worker` needs to know the group and this process's place "
            'in it: set TF_CONFIG to {"cluster": {"worker": ["host0:port", '
            '"host1:port"]}, "task": {"type": "worker", "index": 0}}, with '
            "another index on every worker; or start it by `srun`, or by "
            "`python -m training launch --workers N -- train ...`. "
            f"Received: TF_CONFIG={json.dumps(config)}"
        )


def _tpu():
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(
            name
        )
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise ValueError(
            f"No TPU answers to the name {name!r} (TPU_NAME, or 'local' on a "
            "machine with one): run this on a TPU VM with TensorFlow's TPU "
            f"build. TensorFlow says: {str(error).splitlines()[0]}"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _split_cpu(num_devices):
    cpu = tf.config.list_physical_devices("CPU")[0]
    present = tf.config.get_logical_device_configuration(cpu)
    if present and len(present) >= num_devices:
        return
    devices = [tf.config.LogicalDeviceConfiguration()] * num_devices
    tf.config.set_logical_device_configuration(cpu, devices)
