import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_genseq.export.warmup import encode_prediction_log
from training.query import ServingSession


def requests_of(saved_model):
    filepath = saved_model / "assets.extra" / "tf_serving_warmup_requests"
    return [
        prediction_log_pb2.PredictionLog.FromString(
            record.numpy()
        ).predict_log.request
        for record in tf.data.TFRecordDataset(str(filepath))
    ]


def arrays_of(request):
    return {name: tf.make_ndarray(t) for name, t in request.inputs.items()}


def test_a_server_reads_and_answers_every_request(model, saved_model):
    requests = requests_of(saved_model)
    session = ServingSession(saved_model)
    names = [request.model_spec.signature_name for request in requests]
    assert sorted(names) == sorted(session.signatures)
    for request in requests:
        name = request.model_spec.signature_name
        answer = session.run(name, **arrays_of(request))
        assert all(len(value) == 1 for value in answer.values())


def test_the_requests_are_the_examples(model, saved_model):
    signatures = model.serving_signatures()
    requests = {
        request.model_spec.signature_name: arrays_of(request)
        for request in requests_of(saved_model)
    }
    np.testing.assert_array_equal(
        requests["score"]["x"], signatures["score"].example["x"]
    )
    assert requests["encode"]["text"].tolist() == [b"b a"]
    assert requests["sample"]["seed"].dtype == np.int32
    assert requests["serving_default"] == requests["sample"]


@pytest.mark.parametrize("size", [1, 127, 128, 300, 20_000, 3_000_000])
def test_lengths_of_any_size(size):
    text = "é" * (size // 2)
    pixels = np.arange(size, dtype="float32")[None]
    record = encode_prediction_log(
        "score", {"x": pixels, "text": np.array([text])}
    )
    log = prediction_log_pb2.PredictionLog.FromString(record)
    assert log.SerializeToString(deterministic=True)
    arrays = arrays_of(log.predict_log.request)
    np.testing.assert_array_equal(arrays["x"], pixels)
    assert arrays["text"].item().decode() == text
