"""One write of a strategy, as data: where, at which steps, what, and how far it is let through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from xtransplant.errors import XTransplantError
from xtransplant.sites import Site
from xtransplant.strategies.places import Read, Span
from xtransplant.strategies.values import Value

__all__ = [
    "PREFILL",
    "Edit",
    "Through",
    "When",
    "check_edit",
    "parse_through",
    "parse_when",
    "through_of",
]

Through = Literal["both", "logits", "cache"]
"""What an edit is let change: the next token's logits, the keys and values left behind, or both."""

_FIRST = re.compile(r"first\((\d{1,9})\)")


@dataclass(frozen=True)
class When:
    """At which steps of a generation an edit is made.

    Step 0 is the prefill, the pass over the prompt that the first new token comes from; step n is
    the n-th decode step, a pass over the one token before.

    Attributes:
        start, stop: the first step and the one after the last; None: to the end.
    """

    start: int
    stop: int | None

    @property
    def prefill(self) -> bool:
        """Whether the prefill is one of them."""
        return self.start == 0

    @property
    def later(self) -> When | None:
        """The decode steps among them; None where there is none."""
        return None if self.stop == 1 else When(max(1, self.start), self.stop)

    def has(self, step: int) -> bool:
        """Whether a step is one of them."""
        return self.start <= step and (self.stop is None or step < self.stop)

    def overlaps(self, other: When) -> bool:
        """Whether some step is one of both."""
        return self.has(other.start) or other.has(self.start)

    def __str__(self) -> str:
        for name, when in _NAMED.items():
            if self == when:
                return name
        return f"first({self.stop})" if self.start == 0 else f"{self.start}:{self.stop}"


PREFILL = When(0, 1)
_NAMED = {"prefill": PREFILL, "decode": When(1, None), "all": When(0, None)}


@dataclass(frozen=True, eq=False)
class Edit:
    """One write: ``target.<site>[layer, span] = value``.

    Attributes:
        site, layer, head, label: as in :class:`Read`.
        span: the position, as tokens of the prompt. A decode step computes one token: there it is
            written, what is read of the target is that token's, and of a span of the source the
            last token is taken.
        value: ``[n_tokens of span, width of site]``, or of one token, which is written to each.
        when: the steps it is made at.
        through: what it is let change after that.
        dims: as in :class:`Read`.
    """

    site: Site
    layer: int
    span: Span
    value: Value
    head: int | None = None
    label: str = ""
    when: When = PREFILL
    through: Through = "both"
    dims: tuple[int, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edit) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return self.place, self.label, self.value.key, self.when, self.through

    @property
    def place(self) -> Read:
        """The place written, as a read of the target."""
        return Read("target", self.site, self.layer, self.span, self.head, self.label, self.dims)

    def __str__(self) -> str:
        """As a strategy's author would write it; the defaults of ``when`` and ``through`` not."""
        words = [f'"{self.when}"'] if self.when != PREFILL else []
        words += [f'through="{self.through}"'] if self.through != "both" else []
        during = f".during({', '.join(words)})" if words else ""
        return f"target{during}{str(self.place).removeprefix('target')} = {self.value}"


def parse_when(text: str) -> When:
    """The steps that a word names: ``prefill``, ``decode``, ``all`` or ``first(k)``.

    ``first(k)`` are the steps that the first k new tokens come from, so that ``first(1)`` is
    ``prefill``.

    Raises:
        XTransplantError: another word, or no step at all.
    """
    first = _FIRST.fullmatch(text) if isinstance(text, str) else None
    if first is not None and int(first[1]) > 0:
        return When(0, int(first[1]))
    if not isinstance(text, str) or text not in _NAMED:
        raise XTransplantError(
            f"an edit is made during prefill, decode, all or first(3), not {text!r:.60}"
        )
    return _NAMED[text]


def parse_through(text: str) -> Through:
    """What an edit is let change: ``both``, ``logits`` or ``cache``.

    Raises:
        XTransplantError: another word.
    """
    choices: tuple[Through, ...] = get_args(Through)
    for choice in choices:
        if text == choice:
            return choice
    raise XTransplantError(f"an edit acts through both, logits or cache, not {text!r:.60}")


def check_edit(edit: Edit) -> None:
    """Refuse an edit whose meaning at a decode step would not be plain.

    Raises:
        XTransplantError: it acts at decode steps, each of which computes one token, and names
            tokens of the prompt that are not its end; or it does, and lets only one of logits and
            cache change.
    """
    if edit.when.later is None:
        return
    places = [edit.place, *(read for read in edit.value.reads() if read.prompt == "target")]
    for place in places:
        if place.span.stop is not None:
            raise XTransplantError(
                f"{place} is not what a decode step computes, which is one token after the prompt; "
                f'during("{edit.when}") takes [layer] for the last token or [layer, :] for all'
            )
    if edit.through != "both":
        raise XTransplantError(
            f'during("{edit.when}") acts through both logits and cache; through="{edit.through}" '
            'goes with during("prefill")'
        )


def through_of(edits: Sequence[Edit]) -> Through:
    """What the edits of one variant are let change: they run together.

    Raises:
        XTransplantError: they differ in it.
    """
    first = edits[0].through if edits else "both"
    for edit in edits:
        if edit.through != first:
            raise XTransplantError(
                f'{edits[0]} and {edit} act through "{first}" and "{edit.through}": edits made '
                "together act through the same"
            )
    return first
