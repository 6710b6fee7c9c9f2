"""Names among those there are, and which one was meant."""

import difflib


def did_you_mean(name, names):
    """A sentence that offers the nearest of the names, or an empty string."""
    near = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""


def check_name(name, names, what):
    """Checks that a name is one of those there are.

    Raises:
        ValueError: if it is none; the nearest one is offered.
    """
    if name not in names:
        raise ValueError(
            f"There is no {what} {name!r}.{did_you_mean(name, names)} "
            f"There are: {', '.join(names)}."
        )
