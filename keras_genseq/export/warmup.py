"""Warm-up requests, in the format that TensorFlow Serving replays on load.

The file is a TFRecord of `PredictionLog` messages. Three small messages and
one map stand around tensors that TensorFlow encodes itself, so they are
written here, field by field, without a dependency on the server's package.
"""

import os

import numpy as np
import tensorflow as tf

WARMUP_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")

# Field numbers of tensorflow_serving/apis/{prediction_log,predict,model}.proto
_PREDICTION_LOG_PREDICT_LOG = 6
_PREDICT_LOG_REQUEST = 1
_PREDICT_REQUEST_MODEL_SPEC = 1
_PREDICT_REQUEST_INPUTS = 2
_MODEL_SPEC_SIGNATURE_NAME = 3
_MAP_KEY = 1
_MAP_VALUE = 2


def encode_prediction_log(signature_name, inputs):
    """Encodes one predict request as a serialized `PredictionLog`.

    Args:
        signature_name: str. The signature that is to answer.
        inputs: dict of name to array.

    Returns:
        bytes.
    """
    model_spec = _field(_MODEL_SPEC_SIGNATURE_NAME, signature_name.encode())
    request = _field(_PREDICT_REQUEST_MODEL_SPEC, model_spec)
    for name, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(_as_array(value)).SerializeToString()
        entry = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor)
        request += _field(_PREDICT_REQUEST_INPUTS, entry)
    predict_log = _field(_PREDICT_LOG_REQUEST, request)
    return _field(_PREDICTION_LOG_PREDICT_LOG, predict_log)


def write_warmup_requests(folder, examples):
    """Writes the warm-up requests of a SavedModel.

    Args:
        folder: str. The SavedModel.
        examples: dict of signature name to dict of input name to array.
    """
    filepath = os.path.join(folder, WARMUP_FILE)
    os.makedirs(os.path.dirname(filepath), exist_ok=True)
    with tf.io.TFRecordWriter(filepath) as writer:
        for signature_name, inputs in examples.items():
            writer.write(encode_prediction_log(signature_name, inputs))


def _field(number, payload):
    # Wire type 2: a length, then as many bytes. All fields used here have it.
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _as_array(value):
    array = np.asarray(value)
    # NumPy's fixed-width text would lose what `object` keeps.
    return array.astype(object) if array.dtype.kind in "SU" else array
