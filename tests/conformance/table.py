"""One small instance of every public layer and model.

A new system adds one row; every promise is then tested on it. Arguments are
not the defaults, so that a config that forgets one shows.
"""

from tests.conformance.densities import MODELS
from tests.conformance.games import GAMES
from tests.conformance.layer_cases import LAYERS as LAYERS
from tests.conformance.supervised import SUPERVISED

EVERY_MODEL = {**MODELS, **SUPERVISED, **GAMES}
