"""The documents, and what stands in them: links, headings, commands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "anchors", "commands", "links", "tokens"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/**/*.md")])

# What may stand before it on its line: settings of the environment, what starts processes.
_COMMAND = re.compile(r"\s*(?:[A-Z_]+=\S+ +|torchrun .*--no-python +)*(xtp [a-z].*)")


@cache
def tokens(path: Path) -> tuple[Token, ...]:
    """A page's blocks, as CommonMark with tables reads them."""
    return tuple(MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8")))


def links(path: Path) -> Iterator[str]:
    """Where its links and images lead."""
    for block in tokens(path):
        for token in block.children or ():
            address = token.attrGet("src" if token.type == "image" else "href")
            if address is not None:
                yield str(address)


def commands(path: Path) -> Iterator[tuple[str, bool]]:
    """Its commands of xtp as words, and whether each is whole: in a block, not named in a line."""
    for block in tokens(path):
        if block.type in ("fence", "code_block"):
            lines = re.sub(r"\\\n\s*", " ", block.content).splitlines()
            yield from ((found[1], True) for line in lines if (found := _COMMAND.match(line)))
        for child in block.children or ():
            if child.type == "code_inline" and re.match(r"xtp [a-z]", child.content):
                yield child.content, False


def anchors(path: Path) -> set[str]:
    """What its headings are called after ``#``: in small letters, spaces as hyphens, no marks."""
    blocks = tokens(path)
    found: set[str] = set()
    for opening, inline in itertools.pairwise(blocks):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            while name in found:
                name += "-1"
            found.add(name)
    return found
