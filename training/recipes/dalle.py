"""DALL-E: images of captions, by one Transformer over words and image tokens.

Its first stages are a discrete VAE, whose tokens it learns, and a ranker, by
which the best of several draws is kept.

Run       python -m training train dalle
          python -m training train dalle --preset paper
          python -m training train dalle --data "captions:DIR?size=32"
          python -m training train dalle --set model.discrete_vae=RUN \
model.ranker=RUN
Paper     no figure on these data; its scores are those of people, and Frechet
          distances on photographs (Ramesh et al., 2021, figures 7 and 9)
Measured  agreement with captions, combinations seen and never seen: 0.673 and
          0.313 in all, number and size 1.000 and 0.993, place 0.997 and 1.000;
          of the best of 16 by the ranker 0.810 and 0.450; reconstructions
          through the tokens 0.828 (the classifier on images 0.966). 23 minutes
          of a shared CPU core, 10 of the report (seed 0). All three stages
          still learn at the end
"""

import pathlib

import keras

from keras_genseq.models import DALLE
from training.data.captions import caption_tokenizer
from training.data.captions import caption_tokens
from training.evaluations.dalle import caption_grid
from training.evaluations.dalle import evaluate_dalle
from training.factory import Factory
from training.optimizers import cosine
from training.optimizers import kernel_adamw
from training.recipe import Recipe

# The paper's likelihood is a density, which black pixels have nearly for
# themselves: of few images the tokens learn those alone.
_TOKENS = (
    "model.likelihood=bernoulli",
    # With so small a weight of the KL term the bound gets worse as tokens say
    # more: the best by it would be the first ones.
    "monitor=val_loss",
)


def demo():
    """Digits, their number, size and place, as 8x8 tokens out of 256."""
    return _recipe(
        model={"num_layers": 3, "hidden_dim": 96, "num_heads": 4},
        learning_rate=3e-3,
        data="captioned_digits",
        global_batch_size=64,
        epochs=12,
        stages=(
            (
                "discrete_vae",
                "discrete_vae",
                "demo",
                "model.num_tokens=256",
                "model.filters=(16, 32, 64)",
                "model.embedding_dim=32",
                *_TOKENS,
                # What is drawn inside of a token is what makes a digit.
                "model.strided=True",
                # Most of an image is black: where nothing holds tokens in use
                # at first, seven of them serve for all strokes.
                "model.first_beta=1.0",
                "model.beta=0.002",
                "model.kl_annealing_steps=2400",
                "model.relaxation_temperature=(1.0, 0.2)",
                "model.relaxation_steps=2400",
                "optimizer.learning_rate.initial_learning_rate=4e-3",
                # XLA's convolutions are slow on a CPU.
                "jit_compile=False",
                "epochs=8",
                "global_batch_size=16",
                "out_of_distribution=None",
            ),
            ("ranker", "contrastive_ranker", "demo"),
        ),
        cost="23 minutes on a shared CPU core, and its classifiers",
    )


def paper():
    """Emoji by their names; sizes for an hour or two of a CPU core.

    The paper's own model is the preset `dall_e`, of 12 billion weights.
    """
    return _recipe(
        model={
            "num_layers": 6,
            "hidden_dim": 192,
            "num_heads": 6,
            "dropout": 0.1,
            "caption_dropout": 0.1,
        },
        learning_rate=1e-3,
        data="captions:noto_emoji?size=32",
        global_batch_size=64,
        epochs=80,
        stages=(
            (
                "discrete_vae",
                "discrete_vae",
                "demo",
                "model.num_tokens=256",
                "model.filters=(16, 32, 64)",
                *_TOKENS,
                "model.beta=0.2",
                "model.relaxation_temperature=(1.0, 0.125)",
                "model.relaxation_steps=2000",
                "model.kl_annealing_steps=300",
                "epochs=50",
                "global_batch_size=32",
                "out_of_distribution=None",
            ),
            ("ranker", "contrastive_ranker", "paper"),
        ),
        cost="two hours on one CPU core, by an estimate, and its ranker",
    )


def dalle(target_shape, tokenizer, discrete_vae=None, ranker=None, **arguments):
    """A `DALLE` of captions of some length, on a trained discrete VAE.

    Args:
        target_shape: tuple of ints. Of the captions of an image.
        tokenizer: `keras_genseq.tokenizers.Tokenizer`.
        discrete_vae: path of a run that has ended, or of a `.keras` file.
        ranker: the same of a run of `contrastive_ranker`.
        **arguments: passed to `DALLE`.

    Raises:
        FileNotFoundError: if there is no trained model.
    """
    return DALLE(
        _trained("discrete_vae", discrete_vae),
        text_length=target_shape[-1],
        tokenizer=tokenizer,
        ranker=_trained("ranker", ranker),
        **arguments,
    )


# What `**arguments` takes.
dalle.__wrapped__ = DALLE


def _trained(name, path):
    path = pathlib.Path(str(path))
    path = path / "model.keras" if path.is_dir() else path
    if not path.exists():
        raise FileNotFoundError(
            f"There is no trained model: {path} does not exist. Set "
            f"`model.{name}` to the folder of a run that has ended, or leave "
            "it out."
        )
    return keras.models.load_model(path, compile=False)


def _recipe(model, learning_rate, **kwargs):
    return Recipe.of(
        model=Factory(dalle, seed=0, kernel_size=5, **model),
        compile={
            "optimizer": kernel_adamw(
                cosine(
                    learning_rate / 100,
                    warmup_target=learning_rate,
                    warmup_steps=200,
                    alpha=0.02,
                ),
                beta_2=0.96,
                epsilon=1e-8,
                weight_decay=0.045,
                global_clipnorm=4.0,
            ),
            "jit_compile": True,
        },
        tokenizer=Factory(caption_tokenizer),
        transforms=(Factory(caption_tokens),),
        evaluate=evaluate_dalle,
        picture=caption_grid,
        monitor="val_loss",
        **kwargs,
    )
