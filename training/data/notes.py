"""Words for the sentences that readers leave in `Dataset.notes`."""


def counted(number, noun):
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
