"""Untrusted text (names, prompts, outputs) made safe to show, in every format.

Control characters, bidirectional marks and other invisible characters are shown as escapes, and
what each format has for syntax is escaped too: no text can inject markup or terminal codes.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata

__all__ = [
    "TEX_PREAMBLE",
    "csv_name",
    "encodable",
    "escape_markdown",
    "escape_tex",
    "json_number",
    "json_text",
    "short",
    "visible",
]

# Format characters (category Cf) that scripts and emoji need: joiners and number signs.
_NEEDED = frozenset(
    [0x200C, 0x200D, *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD,
     0x110CD]
)  # fmt: skip


def visible(text: str, *, keep_lines: bool = False) -> str:
    r"""Text safe for a terminal: control, bidirectional and other invisible characters escaped.

    Lone surrogates and noncharacters too, as in Python's ``\x1b`` and ``\u202e``.

    Args:
        text: from a user's file or a model.
        keep_lines: leave line breaks as they are.
    """
    return "".join(
        char if (char == "\n" and keep_lines) or not _unsafe(char) else _escaped(char)
        for char in text
    )


def short(text: str, width: int) -> str:
    """:func:`visible`, cut to ``width`` characters."""
    shown = visible(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def escape_markdown(text: str) -> str:
    """One line of Markdown that shows the text: no markup, HTML, link, entity or formula in it."""
    shown = re.sub(r"[\\`*_{}\[\]<>#|~&$!@]", r"\\\g<0>", visible(text).strip())
    # Bare addresses, which GitHub makes links.
    shown = re.sub(r":(?=//)|(?<=\bwww)\.", r"\\\g<0>", shown, flags=re.IGNORECASE)
    # A list item or the underline of a heading, at the start of a line.
    shown = re.sub(r"^[-+=]", r"\\\g<0>", shown)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", shown)


def escape_tex(text: str) -> str:
    r"""LaTeX that shows the text; letters that pdfLaTeX lacks go through ``\xtpletter``.

    The document needs :data:`TEX_PREAMBLE`.
    """
    # "--" would become an en dash, and two spaces one. \x01 and \x02 stand for the second of each:
    # visible() leaves no control character in the text.
    shown = re.sub(r"(?<=-)-", "\x01", visible(text))
    shown = re.sub(r"(?<= ) ", "\x02", shown)
    return "".join(_tex_char(char) for char in shown)


TEX_PREAMBLE = (
    "\\providecommand{\\xtpletter}[2]{\\ifdefined\\Umathchardef#2\\else\\texttt{U+#1}\\fi}"
)
r"""Defines ``\xtpletter``: the letter in XeLaTeX and LuaLaTeX, its number in pdfLaTeX."""


def csv_name(text: str) -> str:
    """A name for a CSV cell: :func:`visible`, and no spreadsheet takes it for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def json_number(value: float) -> float | None:
    """A number for JSON, None where it is NaN or infinite, which JSON cannot express."""
    return float(value) if math.isfinite(value) else None


def json_text(document: object, *, one_line: bool = False) -> str:
    """A document as JSON, its strings unchanged once parsed, its unsafe characters escaped."""
    indent = None if one_line else 1
    text = json.dumps(document, ensure_ascii=False, indent=indent, allow_nan=False)
    # Beyond ASCII there are only strings; control characters in them are escaped by json itself.
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
    "[": "{[}", "]": "{]}", "*": "{*}",  # after "\\\\" they would be its arguments
    "→": "$\\to$", "†": "$\\dagger$", "‡": "$\\ddagger$", "±": "$\\pm$", "×": "$\\times$",
    "−": "$-$",
    "–": "--", "—": "---", "…": "\\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
# Accents that LaTeX sets over any Latin letter, in every font.
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


def encodable(text: str) -> str:
    """The text, lone surrogates as escapes: a folder's name may have bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
