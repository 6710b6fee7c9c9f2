"""What a decoder's last layer means: distributions of pixels in [0, 1]."""

from keras import ops

from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.log_probabilities import discretized_logistic_log_prob
from keras_genseq.ops.log_probabilities import logit_laplace_log_prob
from keras_genseq.ops.log_probabilities import normal_log_prob

# A density of grey levels has no upper limit where a scale may shrink to zero.
_MIN_LOG_SCALE = -5.0
_NUM_LEVELS = 256
# Of the logit-Laplace distribution: pixels are mapped to [0.1, 0.9].
_MARGIN = 0.1


class Bernoulli:
    """Coins: `sigmoid(parameters)` is the probability of a 1."""

    num_parameters = 1

    def log_prob(self, x, parameters):
        return bernoulli_log_prob(x, parameters)

    def mean(self, parameters):
        return ops.sigmoid(parameters)


class Gaussian:
    """Normal distributions; means pass a sigmoid, scales are learnt.

    The log of a scale is at least -5.
    """

    num_parameters = 2

    def log_prob(self, x, parameters):
        return normal_log_prob(x, *_mean_and_log_scale(parameters))

    def mean(self, parameters):
        return _mean_and_log_scale(parameters)[0]


class DiscretizedLogistic:
    """Binned logistic distributions over 256 grey levels.

    Means pass a sigmoid, and the log of a scale is at least -5.
    """

    num_parameters = 2

    def log_prob(self, x, parameters):
        return discretized_logistic_log_prob(
            x, *_mean_and_log_scale(parameters), num_levels=_NUM_LEVELS
        )

    def mean(self, parameters):
        return _mean_and_log_scale(parameters)[0]


class LogitLaplace:
    """Laplace distributions of the logits of pixels.

    The log of a scale is at least -5.
    """

    num_parameters = 2

    def log_prob(self, x, parameters):
        logit_mean, log_scale = ops.split(parameters, 2, axis=-1)
        log_scale = ops.maximum(log_scale, _MIN_LOG_SCALE)
        return logit_laplace_log_prob(x, logit_mean, log_scale, _MARGIN)

    def mean(self, parameters):
        """The pixel at the mean of its logit, within [0, 1]."""
        logit_mean, _ = ops.split(parameters, 2, axis=-1)
        x = (ops.sigmoid(logit_mean) - _MARGIN) / (1.0 - 2.0 * _MARGIN)
        return ops.clip(x, 0.0, 1.0)


def _mean_and_log_scale(parameters):
    mean, log_scale = ops.split(parameters, 2, axis=-1)
    return ops.sigmoid(mean), ops.maximum(log_scale, _MIN_LOG_SCALE)


LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "gaussian": Gaussian(),
    "discretized_logistic": DiscretizedLogistic(),
    "logit_laplace": LogitLaplace(),
}
