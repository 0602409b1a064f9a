"""What command-line text means: layers, prompts, options of a strategy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example

__all__ = ["parse_assignments", "parse_layers", "read_text", "written_example"]


def parse_layers(text: str, n_layers: int, flag: str) -> tuple[int, ...]:
    """Layer numbers of ``all``, ``3``, ``-1``, ``0:32:2`` or ``0,4,8``.

    Raises:
        XTransplantError: text of another form, or layers that the model has not.
    """
    everything = range(n_layers)
    if text == "all":
        return tuple(everything)
    try:
        if ":" in text:
            bounds = [int(part) if part else None for part in text.split(":")]
            if len(bounds) > 3:
                raise ValueError(text)
            chosen = list(everything[slice(*bounds)])
        else:
            chosen = [everything[int(part)] for part in text.split(",")]
    except ValueError:
        raise XTransplantError(
            f"{flag} {text!r} should be all, a layer (3), several (0,4,8) or a range (0:32:2)"
        ) from None
    except IndexError:
        chosen = []
    if not chosen:
        raise XTransplantError(
            f"{flag} {text!r} is out of range: the model has layers 0 to {n_layers - 1}"
        )
    return tuple(dict.fromkeys(chosen))


def parse_assignments(texts: Sequence[str]) -> dict[str, str]:
    """``["a=0.5", ...]`` as a dict.

    Raises:
        XTransplantError: text without an equals sign.
    """
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise XTransplantError(f"-S {name!r} should be name=value, such as -S weight=0.5")
    return {name: value for name, _, value in pairs}


def read_text(value: str, flag: str) -> str:
    """The text itself, a file's (``@path``) or standard input's (``-``), less a last newline.

    Raises:
        XTransplantError: a file that cannot be read as UTF-8 text.
    """
    if value == "-":
        return sys.stdin.read().removesuffix("\n")
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise XTransplantError(
            f"{flag} {value!r} cannot be read: {why}; give text, @FILE, or - for standard input"
        ) from error


def written_example(
    source: str, target: str, candidates: Sequence[str], answer: str | None
) -> Example:
    """An example from the command line; the answer is one of the candidates, or joins them."""
    texts = list(candidates)
    if answer is not None and answer not in texts:
        if texts:
            raise XTransplantError(
                f"--answer {answer!r} is none of the candidates: {', '.join(map(repr, texts))}"
            )
        texts = [answer]
    return Example(
        source=read_text(source, "--source"),
        target=read_text(target, "--target"),
        candidates=tuple(texts),
        answer=answer,
    )
