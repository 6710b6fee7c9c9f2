from keras_genseq.metrics.active_units import ActiveUnits as ActiveUnits
from keras_genseq.metrics.bits_per_dimension import (
    BitsPerDimension as BitsPerDimension,
)
from keras_genseq.metrics.calibration_error import (
    calibration_error as calibration_error,
)
from keras_genseq.metrics.codebook_usage import CodebookUsage as CodebookUsage
from keras_genseq.metrics.frechet_distance import (
    FeatureMoments as FeatureMoments,
)
from keras_genseq.metrics.frechet_distance import (
    frechet_distance as frechet_distance,
)
from keras_genseq.metrics.inception_score import (
    InceptionScore as InceptionScore,
)
from keras_genseq.metrics.kernel_distance import (
    kernel_distance as kernel_distance,
)
from keras_genseq.metrics.kernel_distance import (
    kernel_distances as kernel_distances,
)
from keras_genseq.metrics.mode_counts import ModeCounts as ModeCounts
from keras_genseq.metrics.nats_per_step import NatsPerStep as NatsPerStep
from keras_genseq.metrics.nats_per_step import Perplexity as Perplexity
from keras_genseq.metrics.parzen_window import ParzenWindow as ParzenWindow
from keras_genseq.metrics.precision_recall import (
    precision_recall as precision_recall,
)
from keras_genseq.metrics.sliced_wasserstein import (
    PatchDescriptors as PatchDescriptors,
)
from keras_genseq.metrics.sliced_wasserstein import (
    sliced_wasserstein_distances as sliced_wasserstein_distances,
)
from keras_genseq.metrics.step_accuracy import StepAccuracy as StepAccuracy
