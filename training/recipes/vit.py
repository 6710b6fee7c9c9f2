"""Vision Transformer on small images, from scratch or from another run.

Run       python -m training train vit
          python -m training train vit --preset paper
          python -m training train vit --preset paper --data idx:fashion_mnist
          python -m training train vit --preset paper --data idx:mnist \
--set augment.flip=False
          python -m training train vit --init-from RUN \
--set transforms.0.size=12 (the same patches, a larger grid)
Paper     CIFAR-10: 98.13 % with ViT-B/16 from ImageNet-1k, at 384x384
          (Dosovitskiy et al., 2021, arXiv 2010.11929, table 5); from scratch
          public code has 93.58 % with 2.7 million parameters, 100 epochs and
          all 50,000 images
Measured  demo: 97.6 % of the 250 test digits, 270 s on a shared CPU core; the
          paper preset not yet
"""

from keras_genseq.models import VisionTransformer
from training.data.augmentations import image_augmentation
from training.data.labelled_images import labelled
from training.data.random_augmentation import MOVES
from training.data.transforms import resize
from training.evaluations.vision_transformer import evaluate_vision_transformer
from training.factory import Factory
from training.optimizers import cosine
from training.optimizers import kernel_adamw
from training.recipe import Recipe


def demo():
    """Four blocks of width 64 on the 8x8 digits of scikit-learn."""
    return small_images(
        model={
            "patch_size": 2,
            "num_layers": 4,
            "hidden_dim": 64,
            "num_heads": 4,
            "intermediate_dim": 128,
            "stochastic_depth": 0.1,
        },
        augment={
            "shift": 1,
            "num_operations": 1,
            "magnitude": 4.0,
            "operations": MOVES[:3],
            "mixup": 0.2,
            "mixed": 0.3,
            "smoothing": 0.05,
        },
        learning_rate=3e-3,
        warmup_steps=100,
        data="digits",
        global_batch_size=64,
        epochs=30,
        passes_per_epoch=6,
        cost="four minutes on one CPU core, shared",
    )


def paper():
    """Patches of 4 on CIFAR-10; a size for two hours of a CPU core."""
    return small_images(
        model={
            "patch_size": 4,
            "num_layers": 6,
            "hidden_dim": 128,
            "num_heads": 4,
            "intermediate_dim": 256,
            "stochastic_depth": 0.1,
        },
        augment={
            "flip": True,
            "shift": 3,
            "num_operations": 2,
            "magnitude": 5.0,
            "erasing": 0.25,
            "mixup": 0.8,
            "cutmix": 1.0,
            "mixed": 0.5,
            "smoothing": 0.1,
        },
        learning_rate=1e-3,
        warmup_steps=500,
        data="npz:cifar10/cifar10_10k.npz",
        global_batch_size=128,
        epochs=100,
        paper={
            "accuracy": ("0.9813", "Paper: ViT-B/16, ImageNet-1k, 384x384.")
        },
        cost="not measured",
    )


def small_images(
    model, augment, learning_rate, warmup_steps, jit_compile=True, **kwargs
):
    """The recipe of a `VisionTransformer` of labelled images.

    Args:
        model: dict of arguments of `VisionTransformer`.
        augment: dict of arguments of `image_augmentation`.
        learning_rate: float. The highest, at the end of the warm-up.
        warmup_steps: int.
        jit_compile: bool. Whether XLA compiles the training step.
        **kwargs: passed to `Recipe.of`.
    """
    return Recipe.of(
        model=Factory(VisionTransformer, num_classes="data", **model),
        compile={
            "optimizer": kernel_adamw(
                cosine(
                    learning_rate / 100,
                    warmup_target=learning_rate,
                    warmup_steps=warmup_steps,
                    alpha=0.01,
                ),
                weight_decay=0.05,
                global_clipnorm=1.0,
            ),
            "steps_per_execution": 10,
            "jit_compile": jit_compile,
        },
        transforms=(Factory(resize, size=None), labelled),
        augment=Factory(image_augmentation, **augment),
        evaluate=evaluate_vision_transformer,
        # Of augmented images, the loss is no guide; the last weights are best.
        monitor=None,
        **kwargs,
    )
