"""Tables and quoted texts in Markdown, whatever they hold."""

import re


def markdown_table(header, rows, alignment=None):
    """A table.

    Args:
        header: list of column titles.
        rows: list of lists of values; bars in them are escaped.
        alignment: str of `l` and `r`, one a column; by default texts on the
            left, in the first column, and numbers on the right.

    Returns:
        str.
    """
    alignment = alignment or "l" + "r" * (len(header) - 1)
    rule = "|" + "".join({"l": "---|", "r": "---:|"}[a] for a in alignment)
    return "\n".join([_line(header), rule, *map(_line, rows)])


def fenced(text, language="text"):
    """A block of code that no fence inside the text can end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _line(values):
    cells = (re.sub(r"\s*\n\s*", " ", str(value)) for value in values)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
