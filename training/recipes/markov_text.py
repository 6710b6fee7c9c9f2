"""Markov chain of characters, counted in closed form.

Run       python -m training train markov_text
          python -m training train markov_text --preset paper
Paper     Tiny Shakespeare, last 10 %: 1.6688 nats per character (order 4,
          Witten-Bell); uniform 4.1744, order 0 3.3473, order 1 2.4819
Measured  docs/results.md
"""

from keras_genseq.models import SparseMarkovModel
from training.data.sequences import characters
from training.evaluations.markov_text import evaluate_markov_text
from training.recipe import Factory
from training.recipe import Recipe


def demo():
    """The language reference inside Python; order chosen on validation."""
    return _recipe(
        data="python_docs",
        order=6,
        max_contexts=150_000,
        cost="a minute on two CPU cores",
    )


def paper():
    """Tiny Shakespeare, order chosen on validation."""
    return _recipe(
        data="tfds:tiny_shakespeare",
        order=4,
        max_contexts=65_000,
        paper={
            "last_tenth": (1.6688, "Order 4, Witten-Bell, counted elsewhere."),
        },
        cost="two minutes on two CPU cores",
    )


def _recipe(order, max_contexts, **kwargs):
    return Recipe(
        model=Factory(
            SparseMarkovModel, order=order, max_contexts=max_contexts
        ),
        compile={},
        # Long runs: contexts do not cross from one into the next.
        transforms=(Factory(characters, sequence_length=8192),),
        adapt={"smoothing": "witten_bell"},
        global_batch_size=16,
        epochs=0,
        evaluate=evaluate_markov_text,
        **kwargs,
    )
