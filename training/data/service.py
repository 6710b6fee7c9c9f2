"""Batches made on other hosts, by the service of `tf.data`."""

import tensorflow as tf

from training.data.pipeline import without_end

_GET_WORKERS = "/tensorflow.data.DispatcherService/GetWorkers"
_SECONDS = 10.0
# Of a field with number 1 that is a message: the one that an answer has.
_WORKER = 0x0A
_FAIL = 2


def service_workers(address):
    """How many workers make batches for a dispatcher.

    TensorFlow waits for a dispatcher without a word, and has no function that
    counts its workers; so its gRPC service is asked.

    Args:
        address: str, `host:port` of the dispatcher.

    Raises:
        OSError: if none answers there.
        ValueError: if it has no workers.
    """
    # TensorFlow itself depends on it.
    import grpc

    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options) as channel:
        ask = channel.unary_unary(_GET_WORKERS)
        try:
            answer = ask(b"", timeout=_SECONDS)
        except grpc.RpcError as error:
            raise OSError(
                f"No dispatcher of tf.data's service answers at {address} "
                f"({error.code().name}). Start one there "
                "(tf.data.experimental.service.DispatchServer), or leave out "
                "--data-service."
            ) from error
    count = _count(answer)
    if not count:
        raise ValueError(
            f"The dispatcher at {address} has no workers. Start one "
            "(tf.data.experimental.service.WorkerServer) with its address."
        )
    return count


def check_service(address, *, num_hosts=1, needs_order=False):
    """Checks that a service can give what a run needs.

    Args:
        address: str, `host:port` of the dispatcher.
        num_hosts: int. Processes that train together.
        needs_order: bool. Whether a batch goes on where the one before ended.

    Returns:
        A sentence on what is not as without the service, or None.

    Raises:
        OSError: if no dispatcher answers.
        ValueError: if it has no workers, or too many.
    """
    count = service_workers(address)
    if count == 1:
        return None
    if num_hosts > 1 or needs_order:
        reason = (
            "hosts that train together need the same batches"
            if num_hosts > 1
            else "each batch of this recipe goes on where the one before ended"
        )
        raise ValueError(
            f"The dispatcher at {address} has {count} workers, whose batches "
            f"come in any order, and {reason}. Give it one worker, or leave "
            "out --data-service."
        )
    return (
        f"{count} workers at {address} make the batches, pass by pass, and "
        "they come in any order: this run is no other one's twin, and does not "
        "go on bit for bit. With one worker it would."
    )


def from_service(batches, address):
    """The same batches, made by the workers of a service.

    With one worker they are bit for bit those that were given, in their order.
    Several take turns at whole passes over the examples.

    Args:
        batches: infinite `tf.data.Dataset` of `training_batches`,
            `bucket_batches` or `stream_batches`.
        address: str, `host:port` of the dispatcher.

    Returns:
        Infinite `tf.data.Dataset`.

    Raises:
        ValueError: if they hold what cannot leave this process.
    """
    try:
        tf.raw_ops.DatasetToGraphV2(
            input_dataset=batches._variant_tensor, external_state_policy=_FAIL
        )
    except tf.errors.OpError as error:
        raise ValueError(
            "`--data-service` sends the graph of the input to other hosts, and "
            "this one holds what stays in its process, such as the Python "
            "function that decodes images of a large folder. Leave it out, or "
            "give the images as npz: or tfds:. TensorFlow says: "
            f"{str(error.message).splitlines()[0]}"
        ) from error
    served = batches.apply(
        tf.data.experimental.service.distribute(
            # Each pass, and each window of a stream, is made by one worker.
            processing_mode="distributed_epoch",
            service=f"grpc://{address}",
        )
    )
    return without_end(served)


def _count(answer):
    """Number of the messages that a serialized answer is a list of."""
    count = at = 0
    while at < len(answer):
        if answer[at] != _WORKER:
            raise OSError("The dispatcher's answer is of another version.")
        at, size, shift = at + 1, 0, 0
        while True:
            byte, at = answer[at], at + 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at, count = at + size, count + 1
    return count
