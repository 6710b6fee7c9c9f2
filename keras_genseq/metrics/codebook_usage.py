import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class CodebookUsage(keras.metrics.Metric):
    """How many tokens of a codebook are in use: the perplexity of their counts.

    1 if all positions of all images hold one token, `num_tokens` if all tokens
    are equally frequent.

    Args:
        num_tokens: int. Size of the codebook.
        name: str. Name of the metric.
        dtype: dtype of its state.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), section 2.1:
          a larger weight of the KL term improves the use of the codebook
    """

    def __init__(self, num_tokens, name="codebook_usage", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_tokens = num_tokens
        self.counts = self.add_variable(
            (num_tokens,), "zeros", dtype="int32", name="counts"
        )

    def update_state(self, tokens, sample_weight=None):
        """Adds images.

        Args:
            tokens: ints in `[0, num_tokens)`, of any shape.
            sample_weight: not supported.
        """
        tokens = ops.reshape(ops.cast(tokens, "int32"), (-1,))
        counts = ops.segment_sum(
            ops.ones_like(tokens), tokens, num_segments=self.num_tokens
        )
        self.counts.assign_add(counts)

    def result(self):
        counts = ops.cast(self.counts, self.dtype)
        shares = counts / ops.maximum(ops.sum(counts), 1.0)
        # 0 log 0 is 0.
        terms = shares * ops.log(ops.maximum(shares, 1e-30))
        return ops.exp(-ops.sum(terms))

    def get_config(self):
        return {
            "num_tokens": self.num_tokens,
            "name": self.name,
            "dtype": self.dtype,
        }
