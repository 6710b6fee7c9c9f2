import keras
from keras import ops

from keras_genseq.layers import ClassToken
from keras_genseq.layers import GridPositionEmbedding
from keras_genseq.layers import PatchEmbedding
from keras_genseq.layers import ResidualStem
from keras_genseq.layers import TransformerEncoderBlock
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.classifier.classifier_model import ClassifierModel
from keras_genseq.ops.attention_analysis import attention_rollout
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

POOLINGS = ("token", "mean")


def _paper(patch_size, num_layers, hidden_dim, num_heads, count, source):
    """A preset of the paper: images of 224x224, the classes of ImageNet."""
    return Preset(
        config={
            "image_shape": (224, 224, 3),
            "patch_size": patch_size,
            "num_classes": 1000,
            "num_layers": num_layers,
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
        },
        num_parameters=count,
        source=source,
    )


@keras.saving.register_keras_serializable(package="keras_genseq")
class VisionTransformer(ClassifierModel):
    """Labels images by a Transformer encoder over their patches.

    z_0 = [class token; x_1 E; ...; x_N E] + positions
    z_l = blocks(z_{l-1}),  logits = head(norm(z_L)[class token])

    It takes images of any size that is a multiple of the patch's: positions
    are read between those that were learned. For training at another size,
    make a model of that size and call its `load_from(this_model)`.

    Args:
        image_shape: (height, width, channels).
        patch_size: int, or (height, width). The sides of images are multiples
            of it; with a stem, those of its maps are.
        num_classes: int. Labels are the ints below it.
        num_layers: int. Blocks, one above the other.
        hidden_dim: int. Width of the tokens.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: optional int. Inner width of the feed-forward
            networks; None is four times `hidden_dim`.
        pooling: `"token"` (the features are those of the class token) or
            `"mean"` (of all patches; there is no class token).
        representation_dim: optional int. Width of a layer with tanh between
            the pooled token and the head, as in the paper's pre-training.
        dropout: float. Part of the embeddings, of every sublayer's outputs
            and of the feed-forward networks' activations that training drops.
        attention_dropout: float. Part of the attention weights, likewise.
        stochastic_depth: float. Share of the examples for which training
            leaves out a sublayer of the last block; it rises from 0 in the
            first block in equal steps.
        stem: optional dict of the arguments of `ResidualStem` (`filters`,
            `num_blocks`, ...), the paper's hybrid: its maps take the place of
            pixels. For R+Ti/16 it is `{"filters": 64}` with patches of 4.
        activation: activation of the feed-forward networks.
        use_bias: bool. Whether the blocks' projections have biases.
        head_initializer: initializer of the last layer.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        training: bool. Whether dropout and stochastic depth act.

    Returns:
        `(batch_size, num_classes)` float32 logits.

    Raises:
        ValueError: if sides are no multiples of the patch's, or an argument is
            out of range. `fit` takes pairs of images and labels: ints, or
            floats `(batch_size, num_classes)` that sum to 1.

    Example:

    ```python
    sizes = {"num_layers": 2, "hidden_dim": 64, "num_heads": 4}
    model = models.VisionTransformer((32, 32, 3), 4, 10, **sizes)
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.05))
    images = np.random.default_rng(0).random((16, 32, 32, 3), "float32")
    labels = np.arange(16) % 10
    model.fit(images, labels)
    model.classify(images)["probabilities"]  # (16, 10)
    model.rollout(images)  # (16, 8, 8)
    larger = models.VisionTransformer((48, 64, 3), 4, 10, **sizes)
    larger.load_from(model)
    ```

    Differences from the paper: biases of the feed-forward networks begin at 0,
    not at normal numbers of deviation 1e-6; GELU is exact.

    References:
        - [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929)
        - [Touvron et al., 2021](https://arxiv.org/abs/2012.12877), the sizes
          tiny and small, stochastic depth
    """

    presets = {
        "vit_tiny_16": _paper(
            16, 12, 192, 3, 5_717_416, "Touvron et al., 2021, table 1"
        ),
        "vit_small_16": _paper(
            16, 12, 384, 6, 22_050_664, "Touvron et al., 2021, table 1"
        ),
        "vit_base_16": _paper(
            16, 12, 768, 12, 86_567_656, "Dosovitskiy et al., 2021, table 1"
        ),
        "vit_base_32": _paper(
            32, 12, 768, 12, 88_224_232, "Dosovitskiy et al., 2021, table 1"
        ),
        "vit_large_16": _paper(
            16, 24, 1024, 16, 304_326_632, "Dosovitskiy et al., 2021, table 1"
        ),
        "vit_huge_14": _paper(
            14, 32, 1280, 16, 632_045_800, "Dosovitskiy et al., 2021, table 1"
        ),
    }

    def __init__(
        self,
        image_shape,
        patch_size,
        num_classes,
        *,
        num_layers=12,
        hidden_dim=768,
        num_heads=12,
        intermediate_dim=None,
        pooling="token",
        representation_dim=None,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth=0.0,
        stem=None,
        activation="gelu",
        use_bias=True,
        head_initializer="zeros",
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        num_layers, hidden_dim, num_heads = check_counts(
            num_layers=num_layers, hidden_dim=hidden_dim, num_heads=num_heads
        )
        intermediate_dim, representation_dim = (
            as_int(value, name, minimum=1, optional=True)
            for name, value in (
                ("intermediate_dim", intermediate_dim),
                ("representation_dim", representation_dim),
            )
        )
        if check_numbers(stochastic_depth=stochastic_depth) > 1.0:
            raise ValueError(
                "`stochastic_depth` must be in [0, 1]. "
                f"Received: stochastic_depth={stochastic_depth}"
            )
        if pooling not in POOLINGS:
            raise ValueError(
                f"`pooling` must be one of {POOLINGS}. "
                f"Received: pooling={pooling!r}"
            )
        if hidden_dim % num_heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. Received: "
                f"hidden_dim={hidden_dim}, num_heads={num_heads}"
            )
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(num_classes=num_classes, **kwargs)
        self.image_shape = image_shape
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.pooling = pooling
        self.representation_dim = representation_dim
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.stochastic_depth = stochastic_depth
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.head_initializer = keras.initializers.get(head_initializer)

        dtype = self.dtype_policy
        self.stem = ResidualStem(**stem, dtype=dtype) if stem else None
        self.patches = PatchEmbedding(patch_size, hidden_dim, dtype=dtype)
        self.patch_size = self.patches.patch_size
        self.class_token = (
            ClassToken(dtype=dtype) if pooling == "token" else None
        )
        self.positions = GridPositionEmbedding(
            self._grid_shape(self.image_shape),
            num_prefix_tokens=1 if pooling == "token" else 0,
            dtype=dtype,
        )
        self.drop = keras.layers.Dropout(as_rate(dropout), dtype=dtype)
        self.blocks = [
            TransformerEncoderBlock(
                num_heads,
                intermediate_dim or 4 * hidden_dim,
                activation=self.activation,
                dropout=dropout,
                attention_dropout=attention_dropout,
                inner_dropout=dropout,
                stochastic_depth=stochastic_depth * i / max(num_layers - 1, 1),
                norm_first=True,
                use_bias=use_bias,
                dtype=dtype,
            )
            for i in range(num_layers)
        ]
        self.final_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype
        )
        self.representation = (
            keras.layers.Dense(
                representation_dim, activation="tanh", dtype=dtype
            )
            if representation_dim
            else None
        )
        self.head = keras.layers.Dense(
            self.num_classes,
            kernel_initializer=self.head_initializer,
            dtype="float32",
        )
        self.build((None, *self.image_shape))

    @property
    def stride(self):
        """(height, width) in pixels of what a token is made of."""
        scale = self.stem.downsampling if self.stem else 1
        return tuple(scale * size for size in self.patch_size)

    def build(self, input_shape):
        if self.stem:
            self.stem.build(input_shape)
            input_shape = self.stem.compute_output_shape(input_shape)
        self.patches.build(input_shape)
        shape = (None, None, self.hidden_dim)
        if self.class_token:
            self.class_token.build(shape)
        self.positions.build(shape)
        for block in self.blocks:
            block.build(shape)
        self.final_norm.build(shape)
        width = self.hidden_dim
        if self.representation:
            self.representation.build((None, width))
            width = self.representation_dim
        self.head.build((None, width))
        self.built = True

    def call(self, x, training=False):
        x, _ = self._encoded(x, training=training)
        return self.head(x)

    def features_of(self, x):
        x, _ = self._encoded(x)
        return ops.cast(x, "float32")

    def attention_maps(self, x, *, batch_size=32):
        """How much every token attends to every other one, in each head.

        Args:
            x: images, as for `fit`.
            batch_size: int. Images read at once.

        Returns:
            `(num_images, num_layers, num_heads, tokens, tokens)` float32
            tensor whose rows sum to 1; with the pooling `"token"` the first
            token is the class token, then come the patches in raster order.

        Raises:
            ValueError: if `x` is not what the model takes.
        """
        maps = Endpoint(self._attention, {"x": self.example_input()}, "maps")
        return self.ask(maps, x=x, batch_size=batch_size)

    def rollout(self, x, *, batch_size=32):
        """Which patches the prediction is made of, by attention rollout.

        Args:
            x: images, as for `fit`.
            batch_size: int. Images read at once.

        Returns:
            `(num_images, rows, columns)` float32 tensor of shares of at least
            0: that of each patch in the class token, whose own share is left
            out, or in the mean of all patches.

        Raises:
            ValueError: as for `attention_maps`.
        """
        return self.ask("explain", x=x, batch_size=batch_size)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def example_input(self):
        return tensor_input(
            self.image_shape, "images, in [0, 1]", self.check_inputs
        )

    def endpoints(self):
        return {
            **super().endpoints(),
            "explain": Endpoint(
                self._rollout,
                {"x": self.example_input()},
                "rollout",
                description="share of each patch in the prediction",
            ),
        }

    def fitted_weight(self, variable, other):
        """Positions of another grid, read between the places of this one."""
        positions = getattr(other, "positions", None)
        is_grid = (
            isinstance(positions, GridPositionEmbedding)
            and positions.num_prefix_tokens == self.positions.num_prefix_tokens
            and positions.embeddings.shape[1:] == variable.shape[1:]
        )
        if variable is not self.positions.embeddings or not is_grid:
            return None
        return positions.resized(self.positions.grid_shape)

    def get_config(self):
        names = (
            "num_layers",
            "hidden_dim",
            "num_heads",
            "intermediate_dim",
            "pooling",
            "representation_dim",
            "dropout",
            "attention_dropout",
            "stochastic_depth",
            "use_bias",
        )
        stem = None
        if self.stem:
            stem = self.stem.get_config()
            stem = {name: stem[name] for name in _STEM}
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "image_shape": list(self.image_shape),
            "patch_size": list(self.patch_size),
            "stem": stem,
            "activation": keras.activations.serialize(self.activation),
            "head_initializer": keras.initializers.serialize(
                self.head_initializer
            ),
        }

    def _grid_shape(self, image_shape):
        """(rows, columns) of the tokens of images."""
        height, width = self.stride
        if image_shape[0] % height or image_shape[1] % width:
            raise ValueError(
                "Height and width must be multiples of what a token is made "
                f"of, here {height}x{width} pixels: resize or pad the images, "
                "or choose another `patch_size`. Received: "
                f"image_shape={tuple(image_shape)}"
            )
        return image_shape[0] // height, image_shape[1] // width

    def _encoded(self, x, *, training=False, with_attention=False):
        """Features of images, and the attention weights of each block."""
        x, maps = self._tokens(x, training), []
        for block in self.blocks:
            if with_attention:
                x, scores = block(x, return_attention_scores=True)
                maps.append(scores)
            else:
                x = block(x, training=training)
        x = self.final_norm(x)
        x = x[:, 0] if self.class_token else ops.mean(x, axis=1)
        return self.representation(x) if self.representation else x, maps

    def _tokens(self, x, training):
        """Embedded patches of images in [0, 1], with their positions."""
        self._grid_shape(x.shape[1:])
        x = 2.0 * ops.cast(x, self.compute_dtype) - 1.0
        x = self.patches(self.stem(x) if self.stem else x)
        grid_shape = tuple(x.shape[1:3])
        x = ops.reshape(x, (ops.shape(x)[0], -1, self.hidden_dim))
        x = self.class_token(x) if self.class_token else x
        x = self.positions(x, grid_shape=grid_shape)
        return self.drop(x, training=training)

    def _attention(self, x):
        _, maps = self._encoded(x, with_attention=True)
        return ops.stack(maps, axis=1)

    def _rollout(self, x):
        shares = attention_rollout(self._attention(x))
        if self.class_token:
            shares = shares[:, 0, 1:]
        else:
            shares = ops.mean(shares, axis=1)
        grid_shape = self._grid_shape(x.shape[1:])
        return ops.reshape(shares, (-1, *grid_shape))


_STEM = ("filters", "num_blocks", "kernel_size", "strides", "use_pooling")
