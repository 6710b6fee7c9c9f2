"""The files by which TensorFlow Serving is told what to serve, and how."""

import os

from keras_genseq.export.atomic import disk_errors
from keras_genseq.export.atomic import locked
from keras_genseq.export.atomic import write_text
from keras_genseq.export.model_folder import LOCK_FILE
from keras_genseq.export.model_folder import Labels
from keras_genseq.export.model_folder import model_names

MODELS_FILE = "models.config"
# Where the container of TensorFlow Serving expects its models.
_SERVER_ROOT = "/models"
# What an operator may change: written once, and then left alone.
_DEFAULTS = {
    "batching.config": """\
# --enable_batching --batching_parameters_file=/models/batching.config
# Requests of many clients run as one batch. Two things to know before: where
# a model refuses one request, the server refuses all of its batch; and inputs
# of several lengths do not mix (texts do: they are strings).
max_batch_size { value: 64 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 4 }
""",
    "monitoring.config": """\
# --monitoring_config_file=/models/monitoring.config
# Prometheus reads this path at the port of REST.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
""",
}


def write_server_config(root):
    """Writes the configuration of a server for all models below a folder.

    - `models.config` (`--model_config_file`): every model with a version;
      where a version was promoted, the labels `stable` and `canary` and these
      versions alone.
    - `batching.config` (`--batching_parameters_file`) and `monitoring.config`
      (`--monitoring_config_file`): defaults; where they exist they stay.

    Args:
        root: str. Absolute path, mounted as `/models` where the server runs.

    Raises:
        ValueError: if the labels of a model are damaged.
        OSError: if the disk is full or the folder may not be written.
    """
    with disk_errors(root), locked(os.path.join(root, LOCK_FILE)):
        write_text(os.path.join(root, MODELS_FILE), _models_config(root))
        for file_name, text in _DEFAULTS.items():
            filepath = os.path.join(root, file_name)
            if not os.path.exists(filepath):
                write_text(filepath, text)


def _models_config(root):
    entries = "".join(
        "  config {\n"
        f'    name: "{name}"\n'
        f'    base_path: "{_SERVER_ROOT}/{name}"\n'
        '    model_platform: "tensorflow"\n'
        f"{_labels(Labels(os.path.join(root, name)).as_dict())}"
        "  }\n"
        for name in model_names(root)
    )
    return f"model_config_list {{\n{entries}}}\n"


def _labels(labels):
    if not labels:
        return ""
    versions = " ".join(f"versions: {v}" for v in sorted(labels.values()))
    return f"    model_version_policy {{ specific {{ {versions} }} }}\n" + (
        "".join(
            f'    version_labels {{ key: "{label}" value: {version} }}\n'
            for label, version in labels.items()
        )
    )
