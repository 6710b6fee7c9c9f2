"""On what a benchmark runs, and with how many threads."""

import datetime
import importlib.metadata
import importlib.util
import os
import pathlib
import platform

# Modules; the distributions have the same names to Python's metadata.
_PEERS = ("torch", "transformers", "ctranslate2", "keras_hub", "jax")


def has_package(name):
    """Whether a peer of the benchmarks alone is installed."""
    return importlib.util.find_spec(name) is not None


def has_torch():
    """Whether PyTorch is."""
    return has_package("torch")


def num_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def set_threads(framework, threads):
    """Gives a framework its threads, in a process that has not used it yet.

    Args:
        framework: `"tensorflow"`, `"keras_hub"`, `"jax"` (with Keras on it) or
            `"torch"`; `"python"` has none.
        threads: int.

    Raises:
        RuntimeError: if TensorFlow has started with another number.
    """
    if framework == "torch":
        import torch

        torch.set_num_threads(threads)
        return
    if framework == "jax":
        os.environ["KERAS_BACKEND"] = "jax"
        # JAX takes a thread for each core that it may use.
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))[:threads]
            os.sched_setaffinity(0, cores)
        return
    if framework == "python":
        return
    import tensorflow as tf

    for name in ("intra_op", "inter_op"):
        get = getattr(tf.config.threading, f"get_{name}_parallelism_threads")
        set_ = getattr(tf.config.threading, f"set_{name}_parallelism_threads")
        if get() != threads:
            set_(threads)


def load():
    """What other processes do to the numbers, in words."""
    if not hasattr(os, "getloadavg"):
        return "unknown"
    return f"{os.getloadavg()[0]:.1f} processes on {num_cores()} cores"


def describe(command, threads, load_before):
    """The lines that head a section: what was run where, and when.

    Args:
        command: str.
        threads: int.
        load_before: str. What `load` said before the benchmark started.

    Returns:
        str, a Markdown list.
    """
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    packages = ["tensorflow", "keras"]
    packages += [name for name in _PEERS if has_package(name)]
    versions = [f"{p} {importlib.metadata.version(p)}" for p in packages]
    versions.append(f"Python {platform.python_version()}")
    policy = os.environ.get("OMP_WAIT_POLICY", "not set")
    lines = [
        f"Command: `{command}`",
        f"Date: {datetime.date.today().isoformat()}",
        f"Machine: {cpu_name()}, {num_cores()} cores, {threads} threads; "
        f"{', '.join(gpus) if gpus else 'no GPU'}",
        f"Load before the start: {load_before}",
        f"Packages: {', '.join(versions)}",
    ]
    if has_torch():
        lines.append(f"OMP_WAIT_POLICY of PyTorch's threads: {policy}")
    return "\n".join(f"- {line}" for line in lines)


def cpu_name():
    """The processor's model name, as far as the system tells."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
