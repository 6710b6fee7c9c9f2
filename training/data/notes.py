"""Words for the sentences that readers leave in `Dataset.notes`."""


def counted(number, noun):
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def in_classes(class_names):
    """How many classes images are in, in words."""
    if not class_names:
        return "without classes"
    count = len(class_names)
    return f"in {count} {'class' if count == 1 else 'classes'}"
