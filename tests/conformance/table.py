"""One small instance of every public layer and model.

A new system adds one row; every promise is then tested on it. Arguments are
not the defaults, so that a config that forgets one shows. A model that may be
told a class has a second row with one. Toys show what a system costs.
"""

from tests.conformance import conditional
from tests.conformance.densities import MODELS
from tests.conformance.games import GAMES
from tests.conformance.layer_cases import LAYERS as LAYERS
from tests.conformance.supervised import SUPERVISED
from tests.conformance.toys import TOYS

CONDITIONAL = {**conditional.DENSITIES, **conditional.GAMES}
UNCONDITIONAL = {**MODELS, **SUPERVISED, **GAMES}
EVERY_MODEL = {**UNCONDITIONAL, **CONDITIONAL, **TOYS}
DENSITIES = {n: c for n, c in EVERY_MODEL.items() if c.kind == "density"}
SAMPLING = {
    n: c for n, c in EVERY_MODEL.items() if c.kind != "supervised" and c.samples
}
COMPLETING = {
    n: c for n, c in DENSITIES.items() if "complete" in c.bad_requests
}


def class_of(name):
    """Name of the class that a row makes."""
    return name.removeprefix("conditional_")
