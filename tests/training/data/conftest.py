import pytest

from training.data.table import read_table


@pytest.fixture
def read(tmp_path):
    """Callable: the table of a text in a file."""

    def write_and_read(text):
        (tmp_path / "table.csv").write_text(text)
        return read_table(tmp_path / "table.csv")

    return write_and_read
