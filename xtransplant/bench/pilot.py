"""The pilot protocol: choose pairs on one split, write them down, apply them to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from xtransplant.backends.where import Where, server_of
from xtransplant.bench.clock import Watch
from xtransplant.bench.config import Config
from xtransplant.bench.dispatch import bench_on
from xtransplant.bench.pairs import Chosen, chosen_of
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench, load_model
from xtransplant.benchmarks.task import find_task
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.runs.store import Run

__all__ = ["Pilot", "pilot", "write_chosen"]


@dataclass(frozen=True)
class Pilot:
    """What :func:`pilot` did.

    Attributes:
        first: the run on the pilot split.
        second: the run of the chosen pairs on the other split.
        grid: the run of all pairs on it, where that was asked for.
        chosen: the pairs; they are written to ``pairs.json`` in the folder of ``first``.
    """

    first: Run
    second: Run
    grid: Run | None
    chosen: Chosen

    @property
    def runs(self) -> list[Run]:
        """In the order in which a report takes them."""
        return [run for run in (self.second, self.grid, self.first) if run is not None]


def pilot(
    config: Config,
    output_path: str | Path = "runs",
    *,
    apply_to: str = "unseen",
    across: bool = False,
    upper_bound: bool = False,
    model: Model | None = None,
    fresh: bool = False,
    accept_versions: bool = False,
    say: Callable[[str], None] | None = None,
    watch: Watch | None = None,
    note: Callable[[str], None] | None = None,
    where: Where = Where(),
    workers: int | None = None,
) -> Pilot:
    """Choose a pair per language on the pilot split, freeze it, and apply it to another split.

    Chosen is the pair with most correct answers; ties: smallest target layer, then largest source
    layer (arXiv 2412.12686).

    Args:
        config: its split is where pairs are chosen, ``pilot`` by default.
        apply_to: the other split.
        across: one pair for all languages of a task, instead of one for each.
        upper_bound: run every pair on the other split too.
        accept_versions: see :func:`bench`.
        where, workers, note: see :func:`bench_on`.

    Raises:
        XTransplantError: as :func:`bench`; or a task that has no such splits.
    """
    config = replace(config, split=config.split or "pilot")
    for name in config.tasks:
        splits = find_task(name).splits
        for split in (config.split, apply_to):
            if split not in splits:
                raise XTransplantError(
                    f"{name} has no split {split!r} for a pilot; it has {', '.join(splits)}"
                )
    if config.split == apply_to:
        raise XTransplantError(f"pairs chosen on {apply_to} cannot be tried on {apply_to} itself")
    if model is None and where.kind != "ray":
        model = load_model(make_plan(config), server_of(where, say=note))

    def run(asked: Config, pairs: Chosen | None = None) -> Run:
        if model is None:
            return bench_on(
                where, asked, output_path, workers=workers, fresh=fresh, pairs=pairs, say=say,
                watch=watch, note=note, accept_versions=accept_versions,
            )  # fmt: skip
        return bench(
            asked, output_path, model=model, fresh=fresh, pairs=pairs, say=say, watch=watch,
            accept_versions=accept_versions,
        )  # fmt: skip

    first = run(config)
    chosen = chosen_of(first.path, across=across)
    write_chosen(chosen, first.path / "pairs.json")
    # Languages that the pilot left out have no pair to apply.
    rest = replace(config, split=apply_to, langs=_languages(first))
    second = run(rest, chosen)
    grid = run(rest) if upper_bound else None
    return Pilot(first, second, grid, chosen)


def write_chosen(chosen: Chosen, path: Path) -> None:
    """Write pairs down as ``--pairs @FILE`` reads them.

    Raises:
        XTransplantError: the file cannot be written.
    """
    entries = [
        {"task": task, "strategy": strategy, "lang": lang, "pair": list(pair)}
        for (task, strategy, lang), pair in chosen.pairs.items()
    ]
    text = json.dumps({"origin": chosen.origin, "pairs": entries}, ensure_ascii=False, indent=1)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise XTransplantError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _languages(run: Run) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(lang for task in run.manifest.tasks.values() for lang in task.languages)
    )
