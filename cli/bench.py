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
    from xtransplant.bench.plan import check_names
    from xtransplant.cli.console import print_dry_run, print_runs, ready
    from xtransplant.cli.progress import Lines

    lines = Lines(quiet=flags.output.quiet, log_file=flags.output.log_file)
    chosen, context = parse_bench(flags)
    check_names(chosen, across=flags.across)
    with lines.doing("importing torch and transformers"):
        ready(verbose=flags.output.verbose)
        from xtransplant.bench.run import bench as run_bench
    if flags.dry_run or context.backend.is_dry:
        from xtransplant.bench.dry_run import dry_bench

        with lines:
            found = dry_bench(chosen, lines.hear(context), across=flags.across)
        print_dry_run(found)
        return
    with lines:
        run = run_bench(chosen, lines.hear(context), across=flags.across)
    lines.say(f"records in {run.path}")
    print_runs([run.path], as_json=flags.output.as_json)
