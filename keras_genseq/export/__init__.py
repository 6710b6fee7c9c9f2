"""Any model to a SavedModel: signatures, warm-up, version folders."""

from keras_genseq.export.releases import promote
from keras_genseq.export.releases import remove_old_versions
from keras_genseq.export.releases import roll_back
from keras_genseq.export.saved_model import describe_signatures
from keras_genseq.export.saved_model import write_saved_model
from keras_genseq.export.server_config import write_server_config
from keras_genseq.export.signature import Signature
from keras_genseq.export.version_folder import publish

__all__ = [
    "Signature",
    "describe_signatures",
    "promote",
    "publish",
    "remove_old_versions",
    "roll_back",
    "write_saved_model",
    "write_server_config",
]
