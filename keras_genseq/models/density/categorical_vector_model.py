"""The base of density models over vectors of categories."""

from keras_genseq.models.density.fixed_shape_density import VectorDensityModel
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.value_checks import all_categories


class LikelihoodModel(VectorDensityModel):
    """Explicit density over vectors of categories.

    A subclass says `call(x) -> logits`, `log_prob_from_logits(x, logits)` and
    `draw(x, mask, seeds, temperature)`, and has the rest from the base of
    vectors. `ImageLikelihoodModel` replaces vectors by images.

    Args:
        input_dim: int. Dimensions of an example.
        num_categories: int. Each dimension is a whole number below it.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(self, input_dim, num_categories=2, **kwargs):
        num_categories = as_int(num_categories, "num_categories", minimum=2)
        super().__init__(input_dim, **kwargs)
        self.num_categories = num_categories

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a float32 tensor."""
        x = as_vectors(x, self.input_dim, name=name)
        return all_categories(x, self.num_categories, name=name)
