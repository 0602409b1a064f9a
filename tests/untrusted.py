"""Texts that a terminal, a spreadsheet or a document would act on, for tests of what is shown."""

import unicodedata

from hypothesis import strategies as st

# Any character at all, more often those that some format or terminal interprets.
ACTING = (
    "\\`*_{}[]<>()#+-.!|~&$@:=%^\"'\n\r\t\x00\x07\x1b\x7f\x85\u200b\u202e\u2066\u2028\ufeff\ud800"
)
CHARACTERS = st.one_of(st.sampled_from(ACTING), st.characters(exclude_categories=[]))
TEXTS = st.text(CHARACTERS, max_size=12) | st.sampled_from(
    ["[bold]x[/]", ":smile:", "</b>", "1. x", "- x", "www.a.b", "http://a.b", "&lt;", "--", "=1+1",
     "\x1b]8;;http://a\x07b", "\\\\[1em]", "* x", "$x_$", "![a](b)", "~~~", "a  b", "| --- |"]
)  # fmt: skip


def acts(text, but="\n"):
    """Characters in a text that a terminal or editor would interpret, or hide."""
    return [
        char for char in text
        if char not in but
        and (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
             or unicodedata.bidirectional(char) in
             ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
             or char in "\u200b\u200e\u200f\u2060\ufeff\u00ad")
    ]  # fmt: skip
