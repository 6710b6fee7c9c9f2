"""A server of SavedModels for machines without TensorFlow Serving.

It speaks TensorFlow Serving's gRPC and REST. Production is TensorFlow Serving
itself: this one is for development, tests and small uses on one machine.
"""

from training.serving.server import ModelServer
from training.serving.server import running_server
from training.serving.server import serve
from training.serving.service import Limits

__all__ = ["Limits", "ModelServer", "running_server", "serve"]
