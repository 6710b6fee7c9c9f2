"""ContrastiveRanker: images and captions that find each other.

The recipe `dalle` trains it as one of its stages, to keep the best of several
draws.

Run       python -m training train contrastive_ranker
          python -m training train contrastive_ranker --data captions:DIR
Paper     none to compare with: DALL-E ranks by a model of 400 million pairs
          that are not public (Radford et al., 2021)
Measured  of the demo, as a stage of `dalle`: of 134 classes, by their mean
          captions, the nearest of a test image is its own in 50.6 %; number,
          size and place are right in all, the digit in 50.6 %. Seven minutes
          of a shared CPU core (seed 0); the paper preset not yet
"""

from keras_genseq.models import ContrastiveRanker
from training.data.captions import caption_tokenizer
from training.data.captions import caption_tokens
from training.evaluations.contrastive_ranker import evaluate_contrastive_ranker
from training.factory import Factory
from training.optimizers import cosine
from training.optimizers import kernel_adamw
from training.recipe import Recipe


def demo():
    """Scenes of scikit-learn's digits, in words."""
    return _recipe(
        model={
            "num_layers": 2,
            "hidden_dim": 64,
            "num_heads": 4,
            "intermediate_dim": 128,
            "embedding_dim": 64,
            "dropout": 0.1,
        },
        stem_filters=16,
        learning_rate=3e-3,
        data="captioned_digits",
        epochs=10,
        cost="seven minutes on a shared CPU core",
    )


def paper():
    """Emoji and their names, at 32x32."""
    return _recipe(
        model={
            "num_layers": 4,
            "hidden_dim": 128,
            "num_heads": 4,
            "embedding_dim": 128,
            "dropout": 0.1,
        },
        stem_filters=32,
        learning_rate=1e-3,
        data="captions:noto_emoji?size=32",
        epochs=60,
        cost="not measured",
    )


def contrastive_ranker(image_shape, target_shape, tokenizer, **arguments):
    """A `ContrastiveRanker` of captions of some length.

    Args:
        image_shape: (height, width, channels).
        target_shape: tuple of ints. Of the captions of an image.
        tokenizer: `keras_genseq.tokenizers.Tokenizer`.
        **arguments: passed to `ContrastiveRanker`.
    """
    return ContrastiveRanker(
        image_shape,
        text_length=target_shape[-1],
        tokenizer=tokenizer,
        **arguments,
    )


# What `**arguments` takes.
contrastive_ranker.__wrapped__ = ContrastiveRanker


def _recipe(model, stem_filters, learning_rate, **kwargs):
    return Recipe.of(
        model=Factory(
            contrastive_ranker,
            # Tokens of 4x4 pixels: strokes are thinner than those.
            patch_size=2,
            stem={
                "filters": stem_filters,
                "num_blocks": (1,),
                "kernel_size": 3,
                "strides": 2,
                "use_pooling": False,
            },
            seed=0,
            **model,
        ),
        compile={
            "optimizer": kernel_adamw(
                cosine(
                    learning_rate / 100,
                    warmup_target=learning_rate,
                    warmup_steps=100,
                    alpha=0.02,
                ),
                weight_decay=0.05,
                global_clipnorm=1.0,
            ),
            "jit_compile": True,
        },
        tokenizer=Factory(caption_tokenizer),
        transforms=(Factory(caption_tokens),),
        global_batch_size=64,
        evaluate=evaluate_contrastive_ranker,
        monitor="val_loss",
        **kwargs,
    )
