from keras_genseq.metrics.active_units import ActiveUnits as ActiveUnits
from keras_genseq.metrics.bits_per_dimension import (
    BitsPerDimension as BitsPerDimension,
)
from keras_genseq.metrics.codebook_usage import CodebookUsage as CodebookUsage
from keras_genseq.metrics.nats_per_step import NatsPerStep as NatsPerStep
from keras_genseq.metrics.nats_per_step import Perplexity as Perplexity
from keras_genseq.metrics.parzen_window import ParzenWindow as ParzenWindow
from keras_genseq.metrics.step_accuracy import StepAccuracy as StepAccuracy
