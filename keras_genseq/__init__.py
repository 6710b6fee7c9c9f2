"""Classic sequence and generative architectures as Keras layers and models.

Importing the package registers every class that a kept model may hold, so that
`keras.saving.load_model` needs nothing else; `load` takes run folders and
SavedModels, too.
"""

from keras_genseq import export as export
from keras_genseq import layers as layers
from keras_genseq import losses as losses
from keras_genseq import metrics as metrics
from keras_genseq import models as models
from keras_genseq import samplers as samplers
from keras_genseq import tokenizers as tokenizers
from keras_genseq.loading import load as load

__version__ = "0.1.0"
