"""The text encoder of `text2image`: captions beside the images they describe.

Run       python -m training train text_encoder
          python -m training train text_encoder --data captions:DIR
Paper     no figure on these data; 54.0 % of the birds of CUB's unseen species
          by their captions, with features of GoogLeNet (Reed et al., 2016,
          arXiv 1605.05395, table 1)
Measured  of the demo: in batches of 64, 86 % of validation images and their
          captions are nearer to each other than to all of other classes; two
          minutes of one CPU core (seed 0); the paper preset not yet
"""

from keras_genseq.models import CharCNNRNN
from training.data.captions import captioned
from training.evaluations.text_encoder import evaluate_text_encoder
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe

# Of the encoder that a run of `text2image` takes over, too.
DEMO = {
    "filters": (64, 96),
    "text_dim": 96,
    "max_sequence_length": 64,
    "initial_range": 0.12,
}
PAPER = {
    "filters": (96, 128, 192),
    "text_dim": 192,
    "initial_range": 0.1,
}


def demo():
    """Scenes of scikit-learn's digits, in words."""
    return _recipe(
        DEMO,
        image_filters=(16, 32, 64),
        data="captioned_digits",
        epochs=25,
        cost="two minutes on one CPU core",
    )


def paper():
    """Emoji and their names, at 32x32; a quarter of the paper's widths."""
    return _recipe(
        PAPER,
        image_filters=(32, 64, 128),
        data="captions:noto_emoji?size=32",
        epochs=60,
        cost="not measured",
    )


def _recipe(sizes, image_filters, **kwargs):
    return Recipe.of(
        model=Factory(CharCNNRNN, **sizes, image_filters=image_filters, seed=0),
        # The paper has RMSProp at 4e-4, which falls by 2 % an epoch.
        compile={"optimizer": adam(1e-3), "jit_compile": False},
        transforms=(Factory(captioned),),
        # The paper takes 40 classes at a time.
        global_batch_size=64,
        evaluate=evaluate_text_encoder,
        **kwargs,
    )
