"""Clients of served models: numpy and strings in and out, gRPC or REST."""

from keras_genseq.serving.client import AsyncClient
from keras_genseq.serving.client import Client
from keras_genseq.serving.errors import ServerError

__all__ = ["AsyncClient", "Client", "ServerError"]
