"""``xtp bench``: a task, its languages and strategies, run to records on disk."""

from __future__ import annotations

from xtransplant.bench.flags import BenchFlags
from xtransplant.cli import flags as f

__all__ = ["bench"]


def bench(*, config: f.ConfigFile = None, flags: BenchFlags) -> None:
    """Run strategies over a task's languages; go on where an earlier run was left.

    The same command finds its run again and does only what is missing. On the bundled task:
    xtp bench --task babel --strategy attn-swap
    """
    from xtransplant.bench.parse import parse_bench
    from xtransplant.cli.console import Lines, print_dry_run, print_runs, ready

    chosen, context = parse_bench(flags)
    ready(verbose=flags.output.verbose)
    with Lines(quiet=flags.output.quiet) as lines:
        context = lines.hear(context)
        if flags.dry_run or context.backend.is_dry:
            from xtransplant.bench.dry_run import dry_bench

            print_dry_run(dry_bench(chosen, context, across=flags.across))
            return
        from xtransplant.bench.run import bench as run_bench

        run = run_bench(chosen, context, across=flags.across)
        lines.say(f"records in {run.path}")
    print_runs([run.path], as_json=flags.output.as_json)
