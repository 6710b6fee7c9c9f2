"""PixelRNN on binary images: PixelCNN, Row LSTM or Diagonal BiLSTM.

Run       python -m training train pixel_rnn
          python -m training train pixel_rnn --set model.variant=row_lstm
          python -m training train pixel_rnn --preset paper
          python -m training train pixel_rnn --preset paper --set
              model.variant=diagonal_bilstm model.num_layers=1
              model.position_bias=false
Paper     PixelCNN 81.30, Row LSTM 80.54, Diagonal BiLSTM 79.20 nats, test set
          of the fixed binarized MNIST (van den Oord et al., 2016, table 4)
Measured  83.72 nats by PixelCNN, an hour on one CPU core with AMX, with
          `--dtype-policy mixed_bfloat16`; 81.12 by the Diagonal BiLSTM, two
          hours on one CPU core: 14 epochs by Adam, before this recipe had Muon
          (commit 90ca3a1; seed 0 both)
"""

import keras

from keras_genseq.models import PixelRNN
from training.data.transforms import bernoulli_binarize
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.muon import Muon
from training.optimizers import clipped
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return Recipe.of(
        model=Factory(
            PixelRNN,
            image_shape=(8, 8, 1),
            variant="pixel_cnn",
            filters=16,
            num_layers=4,
            head_filters=32,
        ),
        compile=clipped(
            keras.optimizers.Adam, learning_rate=0.003, ema_momentum=0.99
        ),
        data="digits",
        transforms=(Factory(threshold, level=0.5),),
        global_batch_size=32,
        epochs=40,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a few minutes on two CPU cores",
    )


def paper():
    """The fixed binarized MNIST: 15 layers, h = 32, a bias of places.

    The paper states h = 16 of the Diagonal BiLSTM with 7 layers and h = 32 of
    one with a single layer, and neither depth nor width of the others; 15 are
    the layers of its PixelCNN of CIFAR-10. The bias is ours, and so is Muon:
    the paper's optimizer is RMSProp at a rate set by hand.
    """
    config = PixelRNN.presets["pixel_cnn_mnist"].config
    return Recipe.of(
        model=Factory(
            PixelRNN,
            **{
                **config,
                "filters": 32,
                "num_layers": 15,
                "position_bias": True,
            },
        ),
        compile=clipped(Muon, learning_rate=0.004, ema_momentum=0.9995),
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0),),
        global_batch_size=16,
        epochs=7,
        checkpoint_every=1000,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        monitor="val_nll",
        paper={
            "nll": (
                81.30,
                "Paper: PixelCNN; Row LSTM 80.54, Diagonal BiLSTM 79.20.",
            )
        },
        cost="an hour on one CPU core with AMX, in mixed bfloat16",
    )
