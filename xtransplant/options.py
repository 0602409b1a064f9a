"""What command-line text means: layers, prompts, candidates, options of a strategy."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.text import check_text
from xtransplant.text import read_text as read_file

__all__ = [
    "check_layers",
    "parse_assignments",
    "parse_bytes",
    "parse_layers",
    "parse_names",
    "read_argument",
    "read_candidates",
]

_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_BOUND = r"-?\d{1,9}"  # more digits no model has layers for
_LAYERS = re.compile(rf"all|{_BOUND}(,{_BOUND})*|({_BOUND})?:({_BOUND})?(:[1-9]\d*)?", re.ASCII)


def parse_layers(text: str, n_layers: int, flag: str) -> tuple[int, ...]:
    """Layer numbers of ``all``, ``3``, ``-1``, ``0:32:2`` (its end left out) or ``0,4,8``.

    Raises:
        XTransplantError: text of another form, or layers that the model has not.
    """
    check_layers(text, flag)
    everything = range(n_layers)
    if text == "all":
        return tuple(everything)
    if ":" in text:
        bounds = [int(part) if part else None for part in text.split(":")]
        # A slice would pass silently over an end that the model does not reach.
        inside = all(-n_layers <= bound <= n_layers for bound in bounds[:2] if bound is not None)
        chosen = list(everything[slice(*bounds)]) if inside else []
        if inside and not chosen:
            raise XTransplantError(
                f"{flag} {text!r} names no layer: the end is left out, so 0:1 is layer 0 and "
                f"0:{n_layers} are all of this model"
            )
    else:
        numbers = [int(part) for part in text.split(",")]
        inside = all(-n_layers <= number < n_layers for number in numbers)
        chosen = [everything[number] for number in numbers] if inside else []
    if not chosen:
        raise XTransplantError(
            f"{flag} {text!r} is out of range: the model has layers 0 to {n_layers - 1}"
        )
    return tuple(dict.fromkeys(chosen))


def check_layers(text: str, flag: str) -> None:
    """The form alone, for before a model is loaded.

    Raises:
        XTransplantError: text that :func:`parse_layers` would not take for any model.
    """
    if not _LAYERS.fullmatch(text):
        raise XTransplantError(
            f"{flag} {text!r} should be all, a layer (3), several (0,4,8) or a range (0:32:2)"
        )


def parse_assignments(texts: Sequence[str]) -> dict[str, str]:
    """``["a=0.5", ...]`` as a dict.

    Raises:
        XTransplantError: text without an equals sign.
    """
    pairs = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not equals or not name:
            raise XTransplantError(f"-S {text!r} should be name=value, such as -S weight=0.5")
    return {name: value for name, _, value in pairs}


def parse_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Names, each once; several may stand in one text, between commas."""
    parts = [part.strip() for text in texts for part in str(text).split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def read_argument(value: str, flag: str) -> str:
    """The text itself, a file's (``@path``) or standard input's (``-``), less a last newline.

    Raises:
        XTransplantError: a file that cannot be read as UTF-8 text, nothing but white space, or a
            character that is none.
    """
    text = value
    if value == "-":
        text = _stdin(flag).removesuffix("\n")
    elif value.startswith("@"):
        text = _file(value, flag).removesuffix("\n")
    if not text.strip():
        raise XTransplantError(f"{flag} is empty; give some text, @FILE, or - for standard input")
    return check_text(text, _named(value, flag))


def read_candidates(values: Sequence[str]) -> tuple[str, ...]:
    """Answers to score, each to the letter; ``@path`` stands for the lines of a file.

    Raises:
        XTransplantError: a file that cannot be read, or that holds none; an answer that is there
            twice, or holds a character that is none.
    """
    found: list[str] = []
    for value in values:
        named = _named(value, "--candidates")
        lines = _file(value, "--candidates").split("\n") if value.startswith("@") else [value]
        found += [check_text(line, named) for line in lines if line or not value]
    if values and not found:
        raise XTransplantError(f"--candidates {values[0]} holds no answer; write one a line")
    twice = [text for text, count in Counter(found).items() if count > 1]
    if twice:
        raise XTransplantError(
            f"--candidates {twice[0]!r} is there {found.count(twice[0])} times; give each answer "
            "once"
        )
    return tuple(found)


def _file(value: str, flag: str) -> str:
    """The text of ``@path``, each of its lines ended by a newline alone."""
    try:
        text = read_file(Path(value[1:]))
    except FileNotFoundError:
        raise XTransplantError(
            f"{flag} {value!r} cannot be read: No such file or directory; give text, @FILE, or - "
            "for standard input"
        ) from None
    except XTransplantError as error:
        raise XTransplantError(f"{flag}: {error}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _stdin(flag: str) -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise XTransplantError(
            f"{flag} -: standard input is not UTF-8 text; convert it on its way: "
            "iconv -f ISO-8859-1 -t UTF-8"
        ) from None


def _named(value: str, flag: str) -> str:
    """How a message names what a flag's value says."""
    return f"{flag} {value!r:.60}" if value.startswith("@") else flag


def parse_bytes(text: str) -> int:
    """``2G``, ``500M``, ``1.5GiB`` or a number of bytes.

    Raises:
        XTransplantError: anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?)b?\s*", text.lower())
    amount = 0.0 if match is None else float(match[1]) * _BYTES.get(match[2], 0)
    if not 1 <= amount < 2**60:
        raise XTransplantError(
            f"--memory-budget {text[:40]!r} is no amount of memory; give e.g. 2G, 500M or 1.5GiB"
        )
    return int(amount)
