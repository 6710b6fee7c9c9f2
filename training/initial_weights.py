"""Training that starts from the weights of another run."""

import collections
import pathlib
import re

import keras


def start_from(model, source):
    """Sets the weights of a model that another one has by name and shape.

    Counters and the states of optimizers begin anew. What is taken, and what
    is not, is printed.

    Args:
        model: built Keras model.
        source: path of a run folder, or of a `.keras` file.

    Raises:
        FileNotFoundError: if there is no trained model.
        ValueError: if no weight fits.
    """
    path = pathlib.Path(str(source))
    if path.is_dir():
        path = path / "model.keras"
    if not path.exists():
        raise FileNotFoundError(
            f"There is no trained model to start from: {path} does not exist. "
            "`--init-from` takes the folder of a run that has ended, or a "
            "`.keras` file."
        )
    theirs = _by_name(keras.models.load_model(path, compile=False))
    ours = _by_name(model)
    taken, refused = 0, []
    for name, variable in ours.items():
        other = theirs.pop(name, None)
        if other is None:
            refused.append(f"{name} is new")
        elif tuple(other.shape) != tuple(variable.shape):
            refused.append(
                f"{name} is {tuple(variable.shape)}, was {tuple(other.shape)}"
            )
        else:
            variable.assign(other)
            taken += 1
    refused += [f"{name} is left behind" for name in theirs]
    words = f" What does not fit: {'; '.join(refused)}." if refused else ""
    if not taken:
        raise ValueError(f"No weight of {path} fits this model.{words}")
    print(f"Starting from {taken} of {len(ours)} weights of {path}.{words}")


def _by_name(model):
    """dict: name -> weight, without the numbers that Keras counts layers by."""
    counts, found = collections.Counter(), {}
    for weight in model.weights:
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        name = re.sub(r"_\d+(?=/|$)", "", weight.path)
        counts[name] += 1
        number = f" ({counts[name]})" if counts[name] > 1 else ""
        found[name + number] = weight
    return found
