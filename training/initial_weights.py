"""Training that starts from the weights of another run."""

import pathlib

import keras


def start_from(model, source):
    """Sets the weights of a model that another one has, by `load_from`.

    Counters and the states of optimizers begin anew. What is taken, and what
    is not, is printed.

    Args:
        model: built `BaseModel`.
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
    other = keras.models.load_model(path, compile=False)
    try:
        taken, remarks = model.load_from(other)
    except ValueError as error:
        raise ValueError(f"No weight of {path} fits. {error}") from error
    words = f" What differs: {'; '.join(remarks)}." if remarks else ""
    print(
        f"Starting from {taken} of {len(model.weights)} weights of "
        f"{path}.{words}"
    )
