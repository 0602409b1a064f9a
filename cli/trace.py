"""``xtp trace``: one example, one strategy, the whole grid."""

from __future__ import annotations

import typer

from xtransplant.bench.trace_flags import TraceFlags

__all__ = ["trace"]


def trace(flags: TraceFlags) -> None:
    """Transplant at every layer pair, and show what the model answers.

    With no more than --strategy: the bundled task Babel and its model, Swahili, example 0.
    """
    from xtransplant.bench.trace_config import parse_trace, plan_trace
    from xtransplant.cli.console import print_dry_trace, print_grid, ready
    from xtransplant.cli.progress import Lines

    lines = Lines(quiet=flags.quiet, verbose=flags.verbose, log_file=flags.log_file)
    config = parse_trace(flags)
    plan = plan_trace(config)
    with lines.doing(plan.loading):
        ready(verbose=flags.verbose)
        from xtransplant.bench import trace as one_grid

        model = one_grid.load_for(plan, lines.note)
    # Said of what has run: what fails is one line, the error's.
    why = one_grid.no_effect_of(plan, model)
    if config.backend.is_dry:
        from xtransplant.bench.dry_trace import dry_trace

        print_dry_trace(dry_trace(plan, model))
        lines.say_each(why, *plan.remarks)
        return
    with lines.doing(f"running {config.sweep} at every layer pair"):
        grid = one_grid.compute_grid(plan, model)
    lines.say_each(why, *plan.remarks)
    with one_grid.writing_files(plan, grid):
        print_grid(grid, as_json=flags.as_json)
    lines.say_each(*plan.written)
    if config.verify:
        with lines.doing("verifying, one variant at a time"):
            checked = one_grid.verify(plan, model, grid)
        # Where stdout is to be one JSON document, these lines must not follow it.
        for line in checked.lines:
            typer.echo(line, err=flags.as_json)
        if not checked.agrees:
            raise typer.Exit(1)
