"""Publishes versions of the toy model until it is killed.

Run    python -m tests.export.publisher ROOT
"""

import itertools
import sys

from keras_genseq.export import publish
from keras_genseq.export import remove_old_versions
from tests.export.toy_model import toy_model

if __name__ == "__main__":
    model = toy_model()
    for _ in itertools.count():
        publish(model, sys.argv[1], "toy", card={})
        remove_old_versions(sys.argv[1], "toy", keep=1)
        print("published", flush=True)
