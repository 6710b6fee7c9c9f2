"""TensorFlow imported without what its libraries write to a terminal."""

import contextlib
import os
import sys
import tempfile

# Set, it lets TensorFlow log, here and in processes that are started.
VERBOSE = "KERAS_GENSEQ_VERBOSE"


def import_tensorflow(keras=True):
    """Imports TensorFlow without what its libraries write to stderr.

    Args:
        keras: bool. Whether Keras and the library are imported too.
    """
    if "tensorflow" in sys.modules or os.environ.get(VERBOSE):
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _muted():
        import tensorflow as tf

        if keras:
            import keras_genseq  # noqa: F401
    tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def _muted():
    """Holds back what is written to stderr; shows it if there is an error.

    Who stops the program while it imports is not shown it.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
