"""Text of users' files and models, made safe to show: no name or output can act on its reader.

What would act (control characters, marks that turn the direction of text, characters that nobody
sees) is shown as an escape, and each format's own syntax is taken for text.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata

__all__ = ["csv_name", "json_number", "json_text", "markdown", "short", "tex", "visible"]

# Of the characters without a shape of their own, those that scripts and emoji are written with.
_NEEDED = frozenset(
    [0x200C, 0x200D, *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD,
     0x110CD]
)  # fmt: skip


def visible(text: str, *, keep_lines: bool = False) -> str:
    """Text safe to put on a screen.

    Control characters, marks that turn the direction of text, other invisible ones and lone
    surrogates are written as escapes.
    """
    return "".join(
        char if (char == "\n" and keep_lines) or not _unsafe(char) else _escaped(char)
        for char in text
    )


def short(text: str, width: int) -> str:
    """:func:`visible`, cut to ``width`` characters."""
    shown = visible(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def markdown(text: str) -> str:
    """Text that Markdown takes for text, in one line: no markup, HTML, link, entity or formula."""
    shown = re.sub(r"[\\`*_{}\[\]<>#|~&$!@]", r"\\\g<0>", visible(text).strip())
    # What is made a link without any markup.
    shown = re.sub(r":(?=//)|(?<=\bwww)\.", r"\\\g<0>", shown, flags=re.IGNORECASE)
    # What begins a list or a heading's underline at the start of a line.
    shown = re.sub(r"^[-+=]", r"\\\g<0>", shown)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", shown)


def tex(text: str) -> str:
    """Text that LaTeX takes for text; letters that pdfLaTeX has not go through ``\\xtpletter``."""
    # Two dashes would become a longer one, and two spaces one. No control character is left here.
    shown = re.sub(r"(?<=-)-", "\x01", visible(text))
    shown = re.sub(r"(?<= ) ", "\x02", shown)
    return "".join(_tex_char(char) for char in shown)


TEX_PREAMBLE = (
    "\\providecommand{\\xtpletter}[2]{\\ifdefined\\Umathchardef#2\\else\\texttt{U+#1}\\fi}"
)
"""Defines ``\\xtpletter``: the letter in XeLaTeX and LuaLaTeX, its number in pdfLaTeX."""


def csv_name(text: str) -> str:
    """A name in a CSV file: :func:`visible`, and never a spreadsheet's formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def json_number(value: float) -> float | None:
    """A number for JSON, which has neither NaN nor infinity: None for those."""
    return float(value) if math.isfinite(value) else None


def json_text(document: object) -> str:
    """JSON whose texts read back as they were, with nothing raw in them that would act."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    # Outside ASCII there are only texts; below a space only the line breaks between entries.
    return "".join(
        json.dumps(char)[1:-1] if ord(char) > 126 and _unsafe(char) else char for char in text
    )


def _unsafe(char: str) -> bool:
    if char.isascii():
        return not " " <= char <= "~"
    code, category = ord(char), unicodedata.category(char)
    if category == "Cf":
        return code not in _NEEDED
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return noncharacter or category in ("Cc", "Cs", "Zl", "Zp")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


_TEX = {
    "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_",
    "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "\x01": "{}-", "\x02": "~",
    "<": "$<$", ">": "$>$", "|": "$|$", "`": "\\textasciigrave{}", '"': '\\string"',
    "[": "{[}", "]": "{]}", "*": "{*}",  # not the end of a row's own options
    "→": "$\\to$", "†": "$\\dagger$", "‡": "$\\ddagger$", "±": "$\\pm$", "×": "$\\times$",
    "–": "--", "—": "---", "…": "\\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
# Accents that LaTeX sets over any letter, in whatever font.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_LETTERS = frozenset("ßøØæÆœŒłŁ")


def _tex_char(char: str) -> str:
    if char in _TEX:
        return _TEX[char]
    if char.isascii() or char in _LETTERS:
        return char
    apart = unicodedata.normalize("NFD", char)
    if len(apart) == 2 and apart[0].isascii() and apart[0].isalpha() and apart[1] in _ACCENTS:
        return char
    return f"\\xtpletter{{{ord(char):04X}}}{{{char}}}"
