"""The null grids of a bench: which strategies are run once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xtransplant.backends.protocol import Say
from xtransplant.errors import XTransplantError
from xtransplant.options import parse_names
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.describe import reads_source, writes_aligned
from xtransplant.tasks.nulls import NullGrid, parse_nulls

__all__ = ["check_paraphrases", "default_nulls", "plan_nulls"]

_OF_A_PILOT = "other"


def default_nulls(given: Sequence[str], strategies: Iterable[str]) -> tuple[str, ...]:
    """The null grids of a pilot: those that are named, else ``other``, which costs as much again.

    Args:
        given: as ``--null`` has them; empty where it is not given.
        strategies: names of the pilot's; where none reads a source there is no null grid.

    Raises:
        XTransplantError: a name that is none, or a strategy that is none.
    """
    if given:
        return parse_nulls(parse_names(given))
    reading = any(_has_nulls(find_strategy(name)) for name in strategies)
    return (_OF_A_PILOT,) if reading else ()


def _has_nulls(strategy: Strategy) -> bool:
    """Words are aligned with those of the example's own source, and no other's."""
    return reads_source(strategy) is not False and not writes_aligned(strategy)


def plan_nulls(
    nulls: Sequence[str], strategies: Mapping[str, Strategy], say: Say
) -> tuple[NullGrid, ...]:
    """Every null of every strategy that reads a source prompt.

    Args:
        nulls: by name.
        strategies: by name.
        say: called with the strategies that have no null grid.

    Raises:
        XTransplantError: no strategy reads a source prompt, or noise for a raw one.
    """
    if not nulls:
        return ()
    if raw := [name for name, one in strategies.items() if one.raw and "noise" in nulls]:
        raise XTransplantError(
            f"--null noise: {raw[0]} is a raw strategy, what it reads stands in its own code; "
            "leave noise out"
        )
    reading = [name for name, one in strategies.items() if _has_nulls(one)]
    if not reading:
        named = ", ".join(strategies) or "no strategy"
        raise XTransplantError(
            f"--null {','.join(nulls)} does nothing for {named}: a null grid puts something else "
            "in the place of what is read from the source prompt; leave it out"
        )
    for name in strategies:
        if name not in reading:
            why = "reads no source prompt"
            if writes_aligned(strategies[name]):
                why = "writes at words that are aligned with its own source's"
            say(f"{name} {why}, so it has no null grid (--null)")
    return tuple(NullGrid(name, null) for name in reading for null in nulls)


def check_paraphrases(
    nulls: Sequence[str], task: str, examples: Mapping[str, Iterable[Example]]
) -> None:
    """Refuse the null ``paraphrase`` where an example has none.

    Args:
        nulls: by name.
        task: whose examples they are.
        examples: by language.

    Raises:
        XTransplantError: an example has no paraphrase of its target, or it is the target itself.
    """
    for lang, own in examples.items() if "paraphrase" in nulls else ():
        for one in own:
            if one.paraphrase.strip() not in ("", one.target.strip()):
                continue
            why = "is its target prompt itself" if one.paraphrase else "is missing"
            raise XTransplantError(
                f"--null paraphrase: the paraphrase of {task} {lang} example {one.id} {why}; a "
                "file gives the target in other words with --column paraphrase=COLUMN, KLAR's JSON "
                "with a second prompt template; leave paraphrase out"
            )
