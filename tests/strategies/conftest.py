"""A strategy file as an author writes it."""

import pytest

GOOD = """
from xtransplant import strategy

@strategy("mine")
def mine(source, target, i, j, weight: float = 0.5):
    target.ffn[j] = weight * source.ffn[i]
"""


@pytest.fixture
def good():
    """The text of a strategy file that can be used."""
    return GOOD


@pytest.fixture
def write(tmp_path):
    """Write a strategy file into a folder, the test's own by default, and give its path."""

    def write_file(text, folder=tmp_path):
        path = folder / "mine.py"
        path.write_text(text)
        return path

    return write_file
