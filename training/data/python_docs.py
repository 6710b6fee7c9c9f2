"""The language reference that Python carries for its own `help()`."""

import platform

from training.data.dataset import Dataset
from training.data.text_file import split_text


def load_python_docs():
    """Loads the language reference as text; needs no file and no network.

    Returns:
        `Dataset` of kind `"text"`, cut as by `load_text_file`; the text is
        that of the running Python.
    """
    from pydoc_data.topics import topics

    # Some topics have two names: a text must not be in train and test.
    pages = dict.fromkeys(topics[name] for name in sorted(topics))
    splits, sizes = split_text("\n\n".join(pages), "python_docs")
    return Dataset(
        name="python_docs",
        kind="text",
        splits=splits,
        num_classes=None,
        element_shape=None,
        description=(
            f"Language reference of Python {platform.python_version()} "
            f"(`pydoc_data.topics`), {sizes} characters."
        ),
    )
