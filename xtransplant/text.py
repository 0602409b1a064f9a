"""Text that users give: read as UTF-8, refused with advice where it is not, and hashed."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["check_text", "nearest", "parse_json", "read_text", "shortened", "text_digest"]

_MOST_BYTES = 2**30
# Byte order marks and other first bytes. UTF-32's stand first: they begin as UTF-16's do.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "Parquet",
}
_ADVICE = {
    "gzip": "it is compressed with gzip; unpack it first: gunzip",
    "zip": "it is a zip archive or a spreadsheet; unpack it, or save it as UTF-8 CSV",
    "Parquet": "it is a Parquet file, not text",
    "binary": "it is no text: it holds NUL bytes; give a text file in UTF-8",
}


def read_text(path: Path) -> str:
    """A file's text, without a byte order mark, its line ends as they are.

    Raises:
        FileNotFoundError: no such file.
        XTransplantError: a file that cannot be read, or is not UTF-8; the message names the file,
            the encoding it looks like and how to convert it.
    """
    named = repr(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise XTransplantError(f"cannot read {named}: {why}; give a text file in UTF-8") from error
    if len(raw) > _MOST_BYTES:
        raise XTransplantError(f"cannot read {named}: more than 1 GiB of text; cut it into parts")
    why = _explain_not_utf8(raw, path)
    if why:
        raise XTransplantError(f"cannot read {named}: {why}")
    return raw.decode("utf-8-sig")


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, nested too deep, or has a number of too many digits; says why
            and where.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except json.JSONDecodeError as error:
        # A few words of the place say more than its number.
        near = text[max(0, error.pos - 12) : error.pos + 12]
        if not text.strip():
            raise ValueError("it is empty") from None
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            raise ValueError("it ends in the middle") from None
        place = f"line {error.lineno}, at {near!r}" if "\n" in text.strip() else f"at {near!r}"
        raise ValueError(f"{error.msg.lower()}, {place}") from None
    except ValueError:
        raise ValueError("a number in it has thousands of digits") from None


def check_text(text: str, named: str) -> str:
    """The text itself, if a tokenizer can take it.

    Args:
        text: of a prompt, or of part of one.
        named: what it is, for the message.

    Raises:
        XTransplantError: it holds NUL, or half of a surrogate pair.
    """
    for place, char in enumerate(text):
        if char == "\0":
            raise XTransplantError(
                f"{named} holds a NUL character at position {place}; a prompt is plain text: take "
                "it out (or is the file in UTF-16?)"
            )
        if "\ud800" <= char <= "\udfff":
            raise XTransplantError(
                f"{named} holds half a surrogate pair, \\u{ord(char):04x}, at position {place}, "
                "which is no character; write the whole one, in UTF-8"
            )
    return text


def text_digest(text: str) -> str:
    """SHA-256 of a text's UTF-8, in hexadecimal; lone surrogates are encoded as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _explain_not_utf8(raw: bytes, path: Path) -> str:
    """Why bytes are not UTF-8 text, and how to convert them; empty if they are."""
    kind = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "")
    if not kind:
        # Latin letters in UTF-16 without a byte order mark: every second byte is zero.
        head = raw[:400]
        halves = [head[start::2] for start in (0, 1)]
        if len(head) >= 4 and any(half.count(0) > 0.6 * len(half) for half in halves):
            kind = "UTF-16LE" if halves[1].count(0) > halves[0].count(0) else "UTF-16BE"
            kind = "binary" if all(half.count(0) > 0.6 * len(half) for half in halves) else kind
    if kind in _ADVICE:
        return f"{_ADVICE[kind]} {path}" if kind == "gzip" else _ADVICE[kind]
    line = 0
    if not kind:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            kind = _guess_single_byte(raw)
    if not kind:
        return ""
    where = f" (line {line})" if line else ""
    return (
        f"it is not UTF-8{where} but looks like {kind}; convert it: "
        f"iconv -f {kind} -t UTF-8 {path} > converted"
    )


def _guess_single_byte(raw: bytes) -> str:
    """The likeliest of three single-byte encodings."""
    # Western words have a letter beyond ASCII here and there; Cyrillic words have no other.
    if re.search(rb"[\xc0-\xff]{4}", raw):
        return "CP1251"
    return "CP1252" if re.search(rb"[\x80-\x9f]", raw) else "ISO-8859-1"


def nearest(name: str, names: Iterable[str]) -> str:
    """`` (nearest: ...)`` with up to three names like one that is none; empty if none is."""
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" (nearest: {', '.join(near)})" if near else ""


def shortened(value: object) -> str:
    """How a value is written in Python, 60 characters of it."""
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
