"""Distribution strategies by name."""

import tensorflow as tf

STRATEGIES = ("auto", "one_device", "mirrored")


def make_strategy(name="auto", num_devices=None):
    """Makes a `tf.distribute` strategy.

    Call it before TensorFlow has run anything: on a machine without GPUs,
    `mirrored` splits the CPU into logical devices, which only a fresh process
    can.

    Args:
        name: `"one_device"` (TensorFlow's default strategy, which places on the
            first GPU if there is one); `"mirrored"` (all GPUs of this host, or
            logical CPUs: replicas then run side by side on the cores); `"auto"`
            (mirrored where there are several GPUs, else one device).
        num_devices: optional int. Devices of `mirrored`; by default all GPUs,
            or two logical CPUs.

    Raises:
        ValueError: if there is no such strategy, or there are fewer devices.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`strategy` must be one of {', '.join(STRATEGIES)}. "
            f"Received: {name!r}"
        )
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


def _split_cpu(num_devices):
    cpu = tf.config.list_physical_devices("CPU")[0]
    present = tf.config.get_logical_device_configuration(cpu)
    if present and len(present) >= num_devices:
        return
    devices = [tf.config.LogicalDeviceConfiguration()] * num_devices
    tf.config.set_logical_device_configuration(cpu, devices)
