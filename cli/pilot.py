"""``xtp pilot``: choose pairs on the pilot split, apply them to the unseen one."""

from __future__ import annotations

from xtransplant.bench.flags import PilotFlags
from xtransplant.cli import flags as f

__all__ = ["pilot"]


def pilot(*, config: f.ConfigFile = None, flags: PilotFlags) -> None:
    """Choose a pair per language on the pilot split, write it down, apply it to the unseen split.

    Most correct wins; ties: smallest target layer, then largest source layer.
    """
    from xtransplant.backends.registry import parse_on
    from xtransplant.bench.settings import config_from
    from xtransplant.bench.unused import check_bench

    chosen = config_from(flags)
    place, run_flags, output = flags.place, flags.run, flags.output
    backend = parse_on(place.on, insecure=place.insecure, jobs=place.jobs, workers=place.workers)
    check_bench(chosen, backend)

    from xtransplant.cli.console import Lines, print_runs, ready

    lines = Lines(quiet=output.quiet)
    ready(verbose=output.verbose)
    from xtransplant.bench.pilot import pilot as run_pilot

    done = run_pilot(
        chosen, run_flags.output_path, apply_to=flags.apply_to, across=flags.across,
        upper_bound=flags.upper_bound, fresh=run_flags.fresh, say=lines.say, watch=lines.watch,
        note=lines.note, backend=backend,
        accept_versions=run_flags.accept_versions,
    )  # fmt: skip
    lines.say(f"pairs in {done.written}")
    for run in done.runs:
        lines.say(f"records in {run.path}")
    print_runs([run.path for run in done.runs if run is not done.first], as_json=output.as_json)
