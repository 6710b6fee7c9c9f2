"""The recurrent layers by the names that models take."""

from keras_genseq.layers.recurrent.gru import GRU
from keras_genseq.layers.recurrent.lstm import LSTM
from keras_genseq.layers.recurrent.simple_rnn import SimpleRNN

_CLASSES = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


def layer_class(cell):
    """Class of the layer around a cell.

    Args:
        cell: `"simple_rnn"`, `"lstm"` or `"gru"`.

    Raises:
        ValueError: if it is another word.
    """
    if cell not in _CLASSES:
        raise ValueError(
            f"`cell` must be one of {', '.join(map(repr, _CLASSES))}. "
            f"Received: cell={cell!r}"
        )
    return _CLASSES[cell]
