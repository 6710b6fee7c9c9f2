"""The files of a server are read by the messages that it reads them by."""

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2

from keras_genseq.export import write_server_config

FIELD = descriptor_pb2.FieldDescriptorProto
INT64 = ".google.protobuf.Int64Value"
# Fields of monitoring_config.proto and session_bundle_config.proto in
# tensorflow/serving, whose Python package leaves them out.
MESSAGES = {
    "PrometheusConfig": [("enable", 1, "bool"), ("path", 2, "string")],
    "MonitoringConfig": [("prometheus_config", 1, ".t.PrometheusConfig")],
    "BatchingParameters": [
        ("max_batch_size", 1, INT64),
        ("batch_timeout_micros", 2, INT64),
        ("max_enqueued_batches", 3, INT64),
        ("num_batch_threads", 4, INT64),
    ],
}


def message_class(name):
    file = descriptor_pb2.FileDescriptorProto(
        name="t.proto",
        package="t",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message_name, fields in MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, number, kind in fields:
            field = message.field.add(
                name=field_name, number=number, label=FIELD.LABEL_OPTIONAL
            )
            if kind.startswith("."):
                field.type, field.type_name = FIELD.TYPE_MESSAGE, kind
            else:
                field.type = getattr(FIELD, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"t.{name}")
    )


@pytest.mark.parametrize(
    "file_name, message",
    [
        ("batching.config", "BatchingParameters"),
        ("monitoring.config", "MonitoringConfig"),
    ],
)
def test_a_server_can_read_it_and_an_operator_change_it(
    tmp_path, file_name, message
):
    write_server_config(str(tmp_path))
    path = tmp_path / file_name
    read = text_format.Parse(path.read_text(), message_class(message)())
    if message == "MonitoringConfig":
        assert read.prometheus_config.enable
        assert read.prometheus_config.path.endswith("/metrics")
    else:
        assert read.max_batch_size.value == 64
        assert read.batch_timeout_micros.value == 1000
    path.write_text("# mine\n")
    write_server_config(str(tmp_path))
    assert path.read_text() == "# mine\n"
