"""``xtp pilot``: choose pairs on the pilot split, apply them to the unseen one."""

from __future__ import annotations

from xtransplant.bench.flags import PilotFlags
from xtransplant.cli import flags as f

__all__ = ["pilot"]


def pilot(*, config: f.ConfigFile = None, flags: PilotFlags) -> None:
    """Choose a pair per language on the pilot split, write it down, apply it to the unseen split.

    Most correct wins; ties: smallest target layer, then largest source layer.
    """
    from xtransplant.bench.parse import parse_pilot
    from xtransplant.bench.plan import check_names
    from xtransplant.cli.console import print_runs, ready
    from xtransplant.cli.progress import Lines

    lines = Lines(quiet=flags.output.quiet, log_file=flags.output.log_file)
    chosen, context = parse_pilot(flags)
    check_names(chosen)
    with lines.doing("importing torch and transformers"):
        ready(verbose=flags.output.verbose)
        from xtransplant.bench.pilot import pilot as run_pilot

    with lines:
        done = run_pilot(
            chosen,
            lines.hear(context),
            apply_to=flags.apply_to,
            apply_limit=flags.apply_limit,
            across=flags.across,
            upper_bound=flags.upper_bound,
        )
    lines.say(f"pairs in {done.written}")
    for run in done.runs:
        lines.say(f"records in {run.path}")
    tables = [run.path for run in done.runs if run is not done.first]
    print_runs(tables, as_json=flags.output.as_json)
