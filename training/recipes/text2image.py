"""GAN-INT-CLS: images of captions.

The text encoder is trained first, by the recipe `text_encoder`, in a folder
inside the run's; `--init-from` takes one that is there already.

Run       python -m training train text2image
          python -m training train text2image --data captions:DIR
          python -m training train text2image --preset paper
          python -m training train text2image --set model.matching_aware=False \
model.interpolate=False (a plain conditional GAN)
Paper     no figure on these data; it shows images (Reed et al., 2016, figures
          3 to 8)
Measured  of the demo: a classifier finds what the caption says in 96.3 % of
          images (form 100 %, place 100 %), of words that never came together
          in 40.3 % (100 %, 96.7 %), by the digit alone; the noise plays no
          part yet. All true captions are ranked above others. 24 minutes of
          one CPU core, 32 on a shared one (seed 0); the paper preset not yet

Other than the paper, the demo normalizes the discriminator by the layer, takes
for 7 of 10 images the nearest caption as the mismatching one, and learns the
discriminator at a higher rate: batches of matching and of mismatching pairs,
each normalized by itself, are told apart by what tells no single pair, and few
captions that are drawn differ in the digit alone.
"""

from keras_genseq.models import TextToImageGAN
from training.data.captions import captioned
from training.evaluations.text_to_image import evaluate_text_to_image
from training.evaluations.text_to_image import shown_captions
from training.factory import Factory
from training.optimizers import ConstantThenLinear
from training.optimizers import adam
from training.recipe import Recipe
from training.recipes import text_encoder


def demo():
    """Scenes of scikit-learn's digits; 15 of 150 combinations are left out."""
    return _recipe(
        "demo",
        text_encoder.DEMO,
        model={
            "latent_dim": 32,
            "filters": 24,
            "discriminator_filters": 24,
            "text_units": 64,
            "nearest_mismatches": 0.7,
            "discriminator_normalization": "layer",
        },
        learning_rate=4e-4,
        discriminator_rate=1e-3,
        data="captioned_digits",
        global_batch_size=32,
        epochs=32,
        cost="half an hour on one CPU core, shared",
    )


def paper():
    """Emoji of their names at 32x32, the paper's layers at half their widths.

    The paper has 64x64, twice the widths and 600 passes over its data.
    """
    return _recipe(
        "paper",
        text_encoder.PAPER,
        model={"filters": 64, "discriminator_filters": 32},
        learning_rate=2e-4,
        data="captions:noto_emoji?size=32",
        global_batch_size=64,
        epochs=150,
        cost="not measured",
    )


def _recipe(
    preset, sizes, model, learning_rate, discriminator_rate=None, **kwargs
):
    rates = {
        "generator": learning_rate,
        "discriminator": discriminator_rate or learning_rate,
        "style_encoder": learning_rate,
    }
    return Recipe.of(
        model=Factory(
            TextToImageGAN,
            # Its images play no part any more.
            text_encoder={"image_shape": (sizes["text_dim"],), **sizes},
            style_encoder=True,
            ema_decay=0.999,
            seed=0,
            **model,
        ),
        compile={
            f"{group}_optimizer": adam(
                Factory(ConstantThenLinear, initial_learning_rate=rate),
                beta_1=0.5,
            )
            for group, rate in rates.items()
        }
        # XLA's convolutions are slow on a CPU.
        | {"jit_compile": False},
        transforms=(Factory(captioned),),
        stages=(("init_from", "text_encoder", preset),),
        evaluate=evaluate_text_to_image,
        picture=shown_captions,
        monitor=None,
        **kwargs,
    )
