"""Where a strategy reads and writes: a prompt's site, at a layer, over a span of tokens."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any, Literal

from xtransplant.errors import XTransplantError
from xtransplant.sites import Site

__all__ = ["ALIGNED", "LAST", "MEAN", "Layer", "Prompt", "Read", "Span", "parse_span"]

_LONG = 2**40  # tokens, more than any prompt has


class Layer(int):
    """A layer's number that remembers how the strategy's author wrote it, such as ``j + 1``."""

    label: str

    def __new__(cls, number: int, label: str = "") -> Layer:
        """A layer's number; ``label`` is how it was written, in digits if empty."""
        layer = super().__new__(cls, number)
        layer.label = label or str(number)
        return layer

    def __add__(self, other: int) -> Layer:
        return Layer(int(self) + int(other), f"{self.label} + {_written(other)}")

    def __radd__(self, other: int) -> Layer:
        return Layer(int(other) + int(self), f"{other} + {self.label}")

    def __sub__(self, other: int) -> Layer:
        return Layer(int(self) - int(other), f"{self.label} - {_written(other, inner=True)}")

    def __rsub__(self, other: int) -> Layer:
        return Layer(int(other) - int(self), f"{other} - {_written(self, inner=True)}")

    def __mul__(self, other: int) -> Layer:
        label = f"{_written(self, inner=True)} * {_written(other, inner=True)}"
        return Layer(int(self) * int(other), label)

    def __rmul__(self, other: int) -> Layer:
        return Layer(int(other) * int(self), f"{other} * {_written(self, inner=True)}")

    def __floordiv__(self, other: int) -> Layer:
        label = f"{_written(self, inner=True)} // {_written(other, inner=True)}"
        return Layer(int(self) // int(other), label)


def _written(number: int, *, inner: bool = False) -> str:
    """How a number was written; in parentheses where it is a sum inside a longer expression."""
    text = number.label if isinstance(number, Layer) else str(number)
    return f"({text})" if inner and " " in text else text


@dataclass(frozen=True)
class Span:
    """Tokens of a prompt, as a slice of step one.

    Attributes:
        start, stop: first token and the one after the last; negative ones count from the prompt's
            end, None is the prompt's first token and its end.
        aligned: those that the example's words are aligned at, whichever they are; they may be any.
    """

    start: int | None
    stop: int | None
    aligned: bool = False

    def resolve(self, length: int, what: str) -> range:
        """Token indices in a prompt.

        Args:
            length: of the prompt, in tokens.
            what: the place that has this span, for the message.

        Raises:
            XTransplantError: the prompt has too few tokens, or the span is empty.
        """
        if self.aligned:
            raise XTransplantError(
                f"{what} is at the tokens that words are aligned at, which examples without an "
                "alignment have not; give --alignment, or a file with that column"
            )
        for bound in (self.start, self.stop):
            if bound is not None and not -length <= bound <= length:
                raise XTransplantError(
                    f"{what} reaches token {bound}, but the prompt has {length} tokens"
                )
        indices = range(length)[slice(self.start, self.stop)]
        if not indices:
            raise XTransplantError(f"{what} names no token of a prompt of {length} tokens")
        return indices

    @property
    def is_one(self) -> bool:
        """Whether it names one token, in every prompt that has it."""
        return self.start is not None and self.stop == _after(self.start)

    def shares(self, other: Span, length: int) -> bool:
        """Whether both name some token of a prompt of ``length`` tokens."""
        one, two = (range(length)[slice(span.start, span.stop)] for span in (self, other))
        return max(one.start, two.start) < min(one.stop, two.stop)

    def always_shares(self, other: Span) -> bool:
        """Whether both name some token of every prompt that is long enough for both.

        False where that depends on the length: one counts from the start, the other from the end.
        """
        bounds = [b for b in (self.start, self.stop, other.start, other.stop) if b is not None]
        alike = all(bound < 0 for bound in bounds) or all(bound >= 0 for bound in bounds)
        either = (None, None) in ((self.start, self.stop), (other.start, other.stop))
        return either or (alike and self.shares(other, _LONG))

    def __str__(self) -> str:
        if self.aligned:
            return "aligned"
        if self.is_one:
            return str(self.start)
        start, stop = ("" if bound is None else bound for bound in (self.start, self.stop))
        return f"{start}:{stop}"


LAST = Span(-1, None)
"""The prompt's last token: what a place without a span means."""

ALIGNED = Span(None, None, aligned=True)
"""The tokens of words that are aligned with words of the other prompt, example by example."""


MEAN: Literal["source.mean"] = "source.mean"
"""The mean over several source prompts of what is read of each."""

Prompt = Literal["source", "source.mean", "target"]


@dataclass(frozen=True)
class Read:
    """A place whose value is read; an edit's own place is written the same way.

    Attributes:
        prompt: the run it is of; or the mean over several runs of sources.
        site: ``d_model`` wide, or ``head_dim`` for ``head``.
        layer: counted from 0.
        span: its tokens.
        head: which head, for site ``head`` alone.
        label: the layer as the strategy's author wrote it.
        dims: which numbers of the vector an edit writes; empty for all. A read is of all.
    """

    prompt: Prompt
    site: Site
    layer: int
    span: Span
    head: int | None = None
    label: str = field(default="", compare=False)
    dims: tuple[int, ...] = ()

    @property
    def part(self) -> str:
        """The site, and which head or numbers of it."""
        few = [str(one) for one in self.dims[:4]]
        if more := len(self.dims) - len(few):
            few.append(f"... {more} more")
        inside = ", ".join(few) if self.head is None else str(self.head)
        return f"{self.site}({inside})" if inside else self.site

    def shares_dims(self, other: Read) -> bool:
        """Whether some number of the vector is in both places."""
        return not self.dims or not other.dims or not set(self.dims).isdisjoint(other.dims)

    def __str__(self) -> str:
        tokens = "" if self.span == LAST else f", {self.span}"
        return f"{self.prompt}.{self.part}[{self.label or self.layer}{tokens}]"


def parse_span(key: int | slice | Span) -> Span:
    """The span that an index, a slice or ``source.aligned`` in a strategy's brackets means.

    Raises:
        XTransplantError: a slice with a step, or a bound that is no whole number.
    """
    if isinstance(key, Span):
        return key
    if isinstance(key, slice):
        if key.step not in (None, 1):
            raise XTransplantError(f"a span of tokens takes no step, got {key.step}")
        return Span(_bound(key.start), _bound(key.stop))
    index = _bound(key)
    assert index is not None
    return Span(index, _after(index))


def _after(index: int) -> int | None:
    return None if index == -1 else index + 1


def _bound(token: Any) -> int | None:
    try:
        if not isinstance(token, bool):
            return None if token is None else operator.index(token)
    except TypeError:
        pass
    raise XTransplantError(
        f"tokens are counted in whole numbers, as in [j, -1] or [j, 2:5], not {token!r:.60}"
    )
