"""Resuming a run: its damaged tables count as missing, and so are computed again."""

from __future__ import annotations

from collections.abc import Callable

from xtransplant.bench.rescore import judge_part
from xtransplant.runs.check import CHECKSUMS, Damage, find_damage, find_part_damage
from xtransplant.runs.checksums import KINDS
from xtransplant.runs.claims import claim
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["repair"]

_SHOWN = 8
_AGAIN = {"examples": "written again", "records": "computed again", "correct": "judged again"}


def repair(run: Run, say: Callable[[str], None] | None = None) -> list[Part]:
    """Compare every stored table with its checksum; those that differ count as missing from now on.

    Parts that lack only judgements are judged here, from the stored records, without a model.

    Args:
        run: an opened run.
        say: called with a line for each damaged file, and what is done about it.

    Returns:
        The parts that are still not complete.
    """
    found = list(find_damage(run))
    with claim(run, ()) as claims:
        for part in dict.fromkeys(one.part for one in found):
            # A part that another process holds is being written.
            if not claims.hold(part):
                continue
            for one in find_part_damage(run, part):
                _forget(run, one)
            claims.free(part)
        _say(run, found, say)
        missing = run.missing()
        if run.manifest.config.get("log_samples", True):
            claims.waiting = [
                part for part in missing if run.has("records", part) and run.has("examples", part)
            ]
            for part in claims:
                judge_part(run, part)
                claims.free(part)
    return [part for part in missing if not run.is_complete(part)]


def _forget(run: Run, one: Damage) -> None:
    if one.kind == CHECKSUMS:
        # Without checksums none of the part's tables counts as stored.
        run.sums_path(one.part).unlink(missing_ok=True)
    elif one.kind == "records":
        run.forget(one.part, "records", "correct")
    elif one.kind in KINDS:
        run.forget(one.part, one.kind)


def _say(run: Run, found: list[Damage], say: Callable[[str], None] | None) -> None:
    if say is None:
        return
    for one in found[:_SHOWN]:
        say(f"run {run.path.name}: {one}; {_AGAIN.get(one.kind, 'its part is computed again')}")
    if len(found) > _SHOWN:
        say(f"run {run.path.name}: {len(found) - _SHOWN} more of its files, likewise")
