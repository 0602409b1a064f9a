"""Escaped text shows everything, and no format or terminal interprets any of it."""

import json

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from untrusted import TEXTS, acts

from xtransplant.style.escape import (
    csv_name,
    escape_markdown,
    escape_tex,
    json_text,
    short,
    visible,
)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_escaped_text_is_complete_and_inert(text):
    assert not acts(visible(text), but="")
    assert json.loads(json_text([text])) == [text]
    assert not acts(json_text([text]))
    assert len(short(text, 5)) <= 5
    assert not csv_name(text).lstrip().startswith(("=", "+", "-", "@"))
    rendered = MarkdownIt("commonmark").enable("strikethrough").parseInline(escape_markdown(text))
    children = rendered[0].children
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == visible(text).strip()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("हिन्दी\u200d क्ष", "हिन्दी\u200d क्ष"),  # joiners are how the script is written
        ("a\u202eb", "a\\u202eb"), ("a\u200bb", "a\\u200bb"), ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"), ("\x9b31m", "\\x9b31m"), ("\ufffe", "\\ufffe"), ("é", "é"),
    ],
)  # fmt: skip
def test_only_unsafe_characters_are_escaped(text, there):
    assert visible(text) == there


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("~^\\", "\\textasciitilde{}\\textasciicircum{}\\textbackslash{}"), ("a--b", "a-{}-b"),
        ("é→", "é$\\to$"), ("−1", "$-$1"), ("語", "\\xtpletter{8A9E}{語}"), ("[1em]", "{[}1em{]}"),
        ('"', '\\string"'), ("ą", "\\xtpletter{0105}{ą}"), ("a  b", "a ~b"),
    ],
)  # fmt: skip
def test_pdflatex_knows_every_letter(text, there):
    assert escape_tex(text) == there
