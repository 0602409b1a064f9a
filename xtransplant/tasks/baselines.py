r"""Baselines: other prompts in the target's place, and no activation moved.

``source-then-target``: ``source + "\n" + target``; ``target-then-source``: the other way round;
``few-shot(k=3)``: three other items' source prompts, each followed by its right answer, then the
target, with an empty line between any two. The source prompt's own answer (translate-test) is no
baseline of these: every run has it, judged in the source's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, key_of
from xtransplant.tasks.parallel import space_after

__all__ = [
    "SOURCE_THEN_TARGET",
    "TARGET_THEN_SOURCE",
    "Baseline",
    "after_source",
    "gold_after_source",
    "n_shots",
    "parse_baselines",
]

SOURCE_THEN_TARGET, TARGET_THEN_SOURCE = "source-then-target", "target-then-source"
_CONCAT = "concat"  # both orders
_FEW_SHOT = re.compile(r"few-shot(?:\(k=(\d{1,4})\))?", re.ASCII)
_SHOTS = 3  # where nothing is said


@dataclass(frozen=True)
class Baseline:
    """A prompt that stands in the target's place; its answers are judged as the target's are.

    Attributes:
        name: as the records have it, in the column ``strategy``.
        shots: by language, the items that stand in front of the target; empty without such.
        split: the split that they come from.
    """

    name: str
    shots: dict[str, tuple[Example, ...]] = field(default_factory=dict)
    split: str = ""

    def example(self, example: Example, lang: str) -> Example:
        """An item of a language with this prompt as its target.

        The candidates are the target's. Where the prompt ends as the source does, they have the
        white space in front that they have after the source.
        """
        if self.name == SOURCE_THEN_TARGET:
            return replace(example, target=f"{example.source}\n{example.target}")
        if self.name == TARGET_THEN_SOURCE:
            spelled = after_source(example.candidates, example.source_candidates)
            answer = example.answer
            if answer in example.candidates:
                answer = spelled[example.candidates.index(answer)]
            prompt = f"{example.target}\n{example.source}"
            return replace(example, target=prompt, candidates=spelled, answer=answer)
        shots = [one.source + (gold_after_source(one) or "") for one in self.shots[lang]]
        return replace(example, target="\n\n".join([*shots, example.target]))


def after_source(candidates: Sequence[str], source_candidates: Sequence[str]) -> tuple[str, ...]:
    """The target's candidates, each with the white space in front that the source's has."""
    if not source_candidates:
        return tuple(candidates)
    return tuple(
        after[: len(after) - len(after.lstrip())] + own.lstrip()
        for own, after in zip(candidates, source_candidates, strict=True)
    )


def gold_after_source(example: Example) -> str | None:
    """The right answer as it goes on after the source; None where nothing says what it is."""
    key = example.source_key or key_of(example)
    if not key.answers:
        return None
    spelled = example.source_candidates or example.candidates
    if example.answer in example.candidates:
        return spelled[example.candidates.index(example.answer)]
    return space_after(example.source) + key.answers[0]


def n_shots(name: str) -> int:
    """How many other items stand in a baseline's prompt."""
    match = _FEW_SHOT.fullmatch(name)
    return 0 if match is None else int(match[1] or _SHOTS)


def parse_baselines(names: Iterable[str]) -> tuple[str, ...]:
    """Baselines by the names that records have, each once.

    Args:
        names: as a user gives them; ``concat`` stands for both orders, ``few-shot`` for
            ``few-shot(k=3)``.

    Raises:
        XTransplantError: a name that is none.
    """
    found: list[str] = []
    for name in names:
        if name == _CONCAT:
            found += [SOURCE_THEN_TARGET, TARGET_THEN_SOURCE]
        elif name in (SOURCE_THEN_TARGET, TARGET_THEN_SOURCE):
            found.append(name)
        elif k := n_shots(name):
            found.append(f"few-shot(k={k})")
        else:
            raise XTransplantError(
                f"--baselines {name!r}: there are {SOURCE_THEN_TARGET}, {TARGET_THEN_SOURCE} "
                f"({_CONCAT} is both) and few-shot(k=N), with N from 1"
            )
    return tuple(dict.fromkeys(found))
