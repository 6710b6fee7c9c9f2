from tests.export.served_toys import toys  # noqa: F401
