"""The recipes by name. A module is imported when its recipe is asked for."""

import importlib

from training.names import check_name

RECIPES = {
    "aae": "adversarial autoencoder of images",
    "aae_clustering": "adversarial autoencoder that finds clusters",
    "aae_semi_supervised": "adversarial autoencoder, classes of a few labels",
    "adding_problem": "sum of two marked numbers, a task of memory",
    "ar_series": "AR(order), forecasts of real-valued series",
    "char_gru": "GRU language model of characters",
    "char_lstm": "LSTM language model of characters",
    "char_rnn": "vanilla RNN language model of characters",
    "char_transformer": "Transformer language model of characters",
    "chorales_lstm": "LSTM model of polyphonic music",
    "classifier": "small classifier of images, to measure generators by",
    "contrastive_ranker": "encoders of images and captions, to rank draws by",
    "copy_task": "ten symbols and a pause, a task of memory",
    "cyclegan": "translates images between two domains, without pairs",
    "cyclegan_digits": "translates digits to those of another kind",
    "dalle": "one Transformer over words and image tokens, images of captions",
    "dcgan": "deep convolutional generative adversarial nets",
    "deep_nade": "orderless NADE, exact density in many orderings",
    "discrete_vae": "discrete variational autoencoder, images as tokens",
    "gan": "generative adversarial nets of images",
    "gated_pixel_cnn": "Gated PixelCNN, exact density of binary images",
    "infogan": "generative adversarial nets with readable codes",
    "key_patch_gan": "images of the whole from a few parts of it",
    "latent_ar": "latent autoregression, forecasts of real-valued series",
    "made": "MADE, exact density of binary images in one masked pass",
    "made_uci": "MADE, density of the binary sets of UCI",
    "markov_text": "Markov chain of characters, counted",
    "multi_scale_pixel_rnn": "PixelRNN that draws an outline of an image first",
    "nade": "NADE, exact density of binary images",
    "nade_uci": "NADE, density of the binary sets of UCI",
    "pixel_rnn": "PixelCNN, Row LSTM or Diagonal BiLSTM of binary images",
    "progressive_gan": "generative adversarial nets that grow, level by level",
    "rnade": "RNADE, exact density of real-valued vectors",
    "stargan": "translates images between many domains, with one generator",
    "text2image": "GAN-INT-CLS, images of captions",
    "text_encoder": "encoder of captions beside the images they describe",
    "translate_dates": "Transformer from written dates to ISO 8601",
    "translate_multi30k": "Transformer from German to English, or back",
    "translate_wmt14": "Transformer from English to German, the paper's task",
    "vae": "variational autoencoder of binary images",
    "vit": "Vision Transformer, classes of images",
    "vit_hybrid": "Vision Transformer on the maps of a small ResNet",
    "word_lstm": "LSTM language model of words",
}
PRESETS = ("demo", "paper")


def find_recipe(name, preset="demo"):
    """Makes a recipe.

    Args:
        name: str. A key of `RECIPES`.
        preset: `"demo"` (embedded data, minutes) or `"paper"`.

    Returns:
        `training.recipe.Recipe`.

    Raises:
        ValueError: if there is no such recipe or preset.
    """
    check_name(name, RECIPES, "recipe")
    check_name(preset, PRESETS, "preset")
    module = importlib.import_module(f"training.recipes.{name}")
    return getattr(module, preset)()
