from keras_genseq.models.adversarial.adversarial_model import (
    AdversarialModel as AdversarialModel,
)
from keras_genseq.models.adversarial.char_cnn_rnn import (
    CharCNNRNN as CharCNNRNN,
)
from keras_genseq.models.adversarial.cyclegan import CycleGAN as CycleGAN
from keras_genseq.models.adversarial.dcgan import DCGAN as DCGAN
from keras_genseq.models.adversarial.gan import GAN as GAN
from keras_genseq.models.adversarial.infogan import InfoGAN as InfoGAN
from keras_genseq.models.adversarial.key_patch_gan import (
    KeyPatchGAN as KeyPatchGAN,
)
from keras_genseq.models.adversarial.progressive_gan import (
    ProgressiveGAN as ProgressiveGAN,
)
from keras_genseq.models.adversarial.stargan import StarGAN as StarGAN
from keras_genseq.models.adversarial.text_to_image_gan import (
    TextToImageGAN as TextToImageGAN,
)
from keras_genseq.models.autoencoder.adversarial_autoencoder import (
    AdversarialAutoencoder as AdversarialAutoencoder,
)
from keras_genseq.models.autoencoder.code_priors import (
    GaussianMixturePrior as GaussianMixturePrior,
)
from keras_genseq.models.autoencoder.code_priors import (
    GaussianPrior as GaussianPrior,
)
from keras_genseq.models.autoencoder.code_priors import (
    SwissRollPrior as SwissRollPrior,
)
from keras_genseq.models.autoencoder.discrete_vae import (
    DiscreteVAE as DiscreteVAE,
)
from keras_genseq.models.autoencoder.latent_variable_model import (
    LatentVariableModel as LatentVariableModel,
)
from keras_genseq.models.autoencoder.vae import VAE as VAE
from keras_genseq.models.autoregressive.autoregressive_model import (
    AutoregressiveModel as AutoregressiveModel,
)
from keras_genseq.models.autoregressive.categorical_autoregressive_model import (  # noqa: E501
    CategoricalAutoregressiveModel as CategoricalAutoregressiveModel,
)
from keras_genseq.models.autoregressive.deep_nade import DeepNADE as DeepNADE
from keras_genseq.models.autoregressive.full_history_model import (
    FullHistoryModel as FullHistoryModel,
)
from keras_genseq.models.autoregressive.gated_pixel_cnn import (
    GatedPixelCNN as GatedPixelCNN,
)
from keras_genseq.models.autoregressive.independent_model import (
    IndependentModel as IndependentModel,
)
from keras_genseq.models.autoregressive.latent_autoregressive_model import (
    LatentAutoregressiveModel as LatentAutoregressiveModel,
)
from keras_genseq.models.autoregressive.made import MADE as MADE
from keras_genseq.models.autoregressive.markov_model import (
    MarkovModel as MarkovModel,
)
from keras_genseq.models.autoregressive.multi_scale_pixel_rnn import (
    MultiScalePixelRNN as MultiScalePixelRNN,
)
from keras_genseq.models.autoregressive.nade import NADE as NADE
from keras_genseq.models.autoregressive.pixel_rnn import PixelRNN as PixelRNN
from keras_genseq.models.autoregressive.rnade import RNADE as RNADE
from keras_genseq.models.autoregressive.sparse_markov_model import (
    SparseMarkovModel as SparseMarkovModel,
)
from keras_genseq.models.base.base_model import BaseModel as BaseModel
from keras_genseq.models.base.endpoint import Endpoint as Endpoint
from keras_genseq.models.base.endpoint import Input as Input
from keras_genseq.models.base.endpoint import count_input as count_input
from keras_genseq.models.base.endpoint import seed_input as seed_input
from keras_genseq.models.base.endpoint import (
    temperature_input as temperature_input,
)
from keras_genseq.models.base.endpoint import tensor_input as tensor_input
from keras_genseq.models.base.multi_optimizer_model import (
    MultiOptimizerModel as MultiOptimizerModel,
)
from keras_genseq.models.base.presets import Preset as Preset
from keras_genseq.models.classifier.classifier_model import (
    ClassifierModel as ClassifierModel,
)
from keras_genseq.models.classifier.image_classifier import (
    ImageClassifier as ImageClassifier,
)
from keras_genseq.models.density.density_model import (
    CategoricalVectorModel as CategoricalVectorModel,
)
from keras_genseq.models.density.density_model import (
    FixedShapeDensity as FixedShapeDensity,
)
from keras_genseq.models.density.forecasting_model import (
    ForecastingModel as ForecastingModel,
)
from keras_genseq.models.density.image_likelihood_model import (
    ImageLikelihoodModel as ImageLikelihoodModel,
)
from keras_genseq.models.recurrent.recurrent_language_model import (
    RecurrentLanguageModel as RecurrentLanguageModel,
)
from keras_genseq.models.recurrent.recurrent_note_model import (
    RecurrentNoteModel as RecurrentNoteModel,
)
from keras_genseq.models.recurrent.sequence_classifier import (
    SequenceClassifier as SequenceClassifier,
)
from keras_genseq.models.recurrent.sequence_forecaster import (
    SequenceForecaster as SequenceForecaster,
)
from keras_genseq.models.text.causal_language_model import (
    CausalLanguageModel as CausalLanguageModel,
)
from keras_genseq.models.text.sequence_to_sequence_model import (
    SequenceToSequenceModel as SequenceToSequenceModel,
)
from keras_genseq.models.transformer.contrastive_ranker import (
    ContrastiveRanker as ContrastiveRanker,
)
from keras_genseq.models.transformer.dalle import DALLE as DALLE
from keras_genseq.models.transformer.transformer import (
    Transformer as Transformer,
)
from keras_genseq.models.transformer.transformer_language_model import (
    TransformerLanguageModel as TransformerLanguageModel,
)
from keras_genseq.models.transformer.transformer_schedule import (
    TransformerSchedule as TransformerSchedule,
)
from keras_genseq.models.transformer.vision_transformer import (
    VisionTransformer as VisionTransformer,
)

# Names of these bases that other people's code has.
Trainer = BaseModel
LikelihoodModel = CategoricalVectorModel
