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
from training.factory import Factory
from training.recipe import Recipe


def demo():
    """The language reference inside Python; order chosen on validation."""
    return _recipe(
        data="python_docs",
        order=4,
        # 48,435 are in Python 3.11's text; that of others differs a little.
        max_contexts=60_000,
        cost="two minutes on two CPU cores",
    )


def paper():
    """Tiny Shakespeare, order chosen on validation."""
    return _recipe(
        data="tfds:tiny_shakespeare",
        order=4,
        max_contexts=65_000,
        paper={
            "last_tenth": (1.6688, "Order 4, Witten-Bell, counted elsewhere."),
            "order_0_additive": (3.3473, ""),
            "order_1_additive": (2.4819, ""),
            "order_2_additive": (2.0458, ""),
            "order_3_additive": (1.7793, ""),
            "order_4_additive": (1.7503, ""),
            "order_5_additive": (1.9790, ""),
            "order_3_witten_bell": (1.7738, ""),
            "order_4_witten_bell": (1.6688, ""),
            "order_5_witten_bell": (1.6981, ""),
            "order_6_witten_bell": (1.7792, ""),
        },
        cost="two minutes on two CPU cores",
    )


def _recipe(order, max_contexts, **kwargs):
    return Recipe.of(
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
