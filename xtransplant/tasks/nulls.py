"""Null grids: the same strategy at the same pairs, reading a source that cannot know the answer.

``other``: the source prompt of another item of the same language. ``self``: the target prompt is
its own source. ``paraphrase``: the target's question in other words of its own language is the
source, so that there is a second wording and no second language. ``noise``: whatever is read of the
source is noise of the same norm (``strategies.noise``). What a strategy still gains there is not
what the source prompt knows; of ``paraphrase``, it is not what its language adds.

They are run, so what they give is another thing than the *judged null*, which counts the grid of
the strategy itself by other items' answers (``tasks.derangements``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.tasks.derangements import derangements

__all__ = ["NULLS", "NullGrid", "null_examples", "parse_nulls"]

NULLS: Mapping[str, str] = {
    "other": "another item's source",
    "self": "the target as its own source",
    "paraphrase": "the target's question in other words of its own language",
    "noise": "Gaussian noise of the same norm for what is read",
}
"""By name, what stands in the source's place."""

_NO = "none"


@dataclass(frozen=True)
class NullGrid:
    """A strategy that is run once more, with something else in its source's place.

    Attributes:
        strategy: its name, with its options.
        null: one of :data:`NULLS`.
    """

    strategy: str
    null: str

    @property
    def name(self) -> str:
        """As the records have it, in the column ``strategy``."""
        return f"{self.strategy} [null {self.null}]"


def parse_nulls(names: Iterable[str]) -> tuple[str, ...]:
    """Nulls by name, each once, in the order of :data:`NULLS`; none of ``none``.

    Raises:
        XTransplantError: a name that is none, or ``none`` beside others.
    """
    given = list(dict.fromkeys(names))
    for name in given:
        if name not in NULLS and name != _NO:
            each = "; ".join(f"{known} ({what})" for known, what in NULLS.items())
            raise XTransplantError(f"--null {name!r}: there are {each}; and none")
    if _NO in given and len(given) > 1:
        raise XTransplantError(f"--null {','.join(given)}: none goes with no other; leave it out")
    return tuple(name for name in NULLS if name in given)


def null_examples(null: str, examples: Sequence[Example]) -> dict[Example, Example]:
    """The examples of a language, each mapped to what is run in its place.

    Of ``other`` this is the first of the derangements by which the judged null goes: the source is
    another example's, never the same text, and of one with another answer where there is any.

    Of ``noise`` every example is run as it is.

    Returns:
        Nothing where a language has no other source to give.
    """
    if null == "noise":
        return {one: one for one in examples}
    if null == "self":
        return {one: _read_from(one, one.target, ()) for one in examples}
    if null == "paraphrase":
        return {one: _read_from(one, one.paraphrase, ()) for one in examples if one.paraphrase}
    return {
        one: _read_from(one, examples[at].source, examples[at].sources)
        for one, at in zip(examples, _others(examples), strict=True)
        if at is not None
    }


def _read_from(example: Example, source: str, sources: tuple[tuple[str, str], ...]) -> Example:
    """An example with another source, and as many further ones as before."""
    further = dict(sources)
    return replace(
        example, source=source,
        sources=tuple((code, further.get(code, source)) for code, _ in example.sources),
    )  # fmt: skip


def _others(examples: Sequence[Example]) -> list[int | None]:
    """For each example the number of the one whose source it gets; None where there is none."""
    drawn = derangements(examples)[0].tolist()
    found: list[int | None] = []
    for k, one in enumerate(examples):
        at = drawn[k]
        if at < 0 or examples[at].source == one.source:
            at = _next_other(examples, k)
        found.append(at)
    return found


def _next_other(examples: Sequence[Example], k: int) -> int | None:
    """The next example with another source: one with another answer where there is any."""
    order = [(k + step) % len(examples) for step in range(1, len(examples))]
    there = [at for at in order if examples[at].source != examples[k].source]
    differ = [at for at in there if examples[at].answer != examples[k].answer]
    return next(iter([*differ, *there]), None)
