"""A share is written as the program prints it, ``12%``, wherever a reader sees one."""

import re

import pytest
from pages import PAGES, ROOT, tokens

APART = re.compile(r"\d[\s\u00a0\u202f]%(?!\w)")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_space_stands_before_a_percent_sign(page):
    prose = [
        one.content for block in tokens(page) for one in block.children or () if one.type == "text"
    ]
    assert not [text for text in prose if APART.search(text)]
