"""The base of density models over vectors of categories."""

from keras_genseq.models.density.density_model import FixedShapeDensity
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.value_checks import all_categories


class CategoricalVectorModel(FixedShapeDensity):
    """Explicit density over vectors of categories.

    A subclass says `call(x) -> logits`, `log_prob_from_logits(x, logits)` and
    `draw(x, mask, seeds, temperature)`.

    Args:
        input_dim: int. Dimensions of an example.
        num_categories: int. Each dimension is a whole number below it.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(self, input_dim, num_categories=2, **kwargs):
        input_dim = check_counts(input_dim=input_dim)
        num_categories = as_int(num_categories, "num_categories", minimum=2)
        super().__init__((input_dim,), **kwargs)
        self.num_categories = num_categories

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a float32 tensor."""
        x = as_vectors(x, self.input_dim, name=name)
        return all_categories(x, self.num_categories, name=name)

    def get_config(self):
        return {**super().get_config(), "input_dim": self.input_dim}
