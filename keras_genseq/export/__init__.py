"""Any model to a SavedModel: signatures, warm-up, version folders."""

from keras_genseq.export.saved_model import describe_signatures
from keras_genseq.export.saved_model import write_saved_model
from keras_genseq.export.signature import Signature
from keras_genseq.export.version_folder import publish

__all__ = ["Signature", "describe_signatures", "publish", "write_saved_model"]
