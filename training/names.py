"""Names that a command line can give, checked without TensorFlow."""

import difflib


def did_you_mean(name, names):
    """A sentence that offers the nearest of the names, or an empty string."""
    near = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""
