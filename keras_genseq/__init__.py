"""Classic sequence and generative architectures as Keras layers and models."""

__version__ = "0.1.0"
