from keras_genseq.metrics.bits_per_dimension import (
    BitsPerDimension as BitsPerDimension,
)
