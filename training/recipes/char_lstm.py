"""LSTM language model of characters, states carried from batch to batch.

Run       python -m training train char_lstm
          python -m training train char_lstm --preset paper
Paper     none states this text and split; counted beside it are Markov chains
Measured  docs/results.md
"""

from training.recipes.character_model import demo_recipe
from training.recipes.character_model import paper_recipe


def demo():
    """One layer of 128 units on the language reference inside Python."""
    return demo_recipe("lstm", cost="minutes on two CPU cores")


def paper():
    """Two layers of 256 units on Tiny Shakespeare."""
    return paper_recipe(
        "lstm", units=256, epochs=12, cost="half an hour on one CPU core"
    )
