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
    from xtransplant.backends.registry import parse_on
    from xtransplant.bench.config import parse_shard
    from xtransplant.bench.settings import config_from
    from xtransplant.bench.unused import check_bench

    chosen = config_from(flags)
    place, run_flags, output = flags.place, flags.run, flags.output
    part = None if flags.shard is None else parse_shard(flags.shard)
    backend = parse_on(place.on, insecure=place.insecure, jobs=place.jobs, workers=place.workers)
    check_bench(chosen, backend, shard=part, dry=flags.dry_run, as_json=output.as_json)

    from xtransplant.cli.console import Lines, print_dry_run, print_runs, ready

    lines = Lines(quiet=output.quiet)
    ready(verbose=output.verbose)
    from xtransplant.bench.dispatch import bench_on

    if flags.dry_run or backend.is_dry:
        from xtransplant.bench.dry_run import dry_bench

        found = dry_bench(
            chosen, run_flags.output_path, fresh=run_flags.fresh, across=flags.across,
            say=lines.say, elsewhere=not backend.in_process,
        )  # fmt: skip
        print_dry_run(found)
        return
    run = bench_on(
        backend, chosen, run_flags.output_path, fresh=run_flags.fresh,
        shard=part, across=flags.across, say=lines.say, watch=lines.watch, note=lines.note,
        accept_versions=run_flags.accept_versions,
    )  # fmt: skip
    lines.say(f"records in {run.path}")
    print_runs([run.path], as_json=output.as_json)
