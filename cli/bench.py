"""``xtp bench``: a task, its languages and strategies, run to records on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["bench"]


def bench(
    config: f.ConfigFile = None,
    task: f.Tasks = None,
    strategy: f.Strategies = None,
    model: f.Model = None,
    langs: f.Langs = None,
    pairs: Annotated[
        str,
        typer.Option(
            help="overall, source-last, target-first, diagonal, I:J (also last:first; several "
            "between commas), @RUN or @FILE.json."
        ),
    ] = "overall",
    across: Annotated[
        bool, typer.Option("--across", help="With @RUN: one pair for all languages.")
    ] = False,
    direction: f.DirectionFlag = None,
    mode: f.ModeFlag = None,
    split: Annotated[str | None, typer.Option(help="The task's first by default.")] = None,
    limit: f.Limit = None,
    seed: f.Seed = None,
    data_dir: f.DataDir = None,
    file: f.File = None,
    column: f.Columns = None,
    split_by: f.SplitBy = None,
    options: f.Options = None,
    max_new_tokens: f.MaxNewTokens = 20,
    apply_chat_template: f.ChatTemplate = False,
    add_bos: f.AddBos = False,
    allow_misaligned: f.Misaligned = False,
    log_samples: f.LogSamples = True,
    output_path: f.OutputPath = Path("runs"),
    fresh: f.Fresh = False,
    accept_versions: f.AcceptVersions = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Only every N-th part, from the K-th; they add up."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, and run one example.")
    ] = False,
    on: f.On = "local",
    workers: f.Workers = None,
    jobs: f.Jobs = None,
    insecure: f.Insecure = False,
    revision: f.Revision = None,
    dtype: f.Dtype = "auto",
    device_map: f.DeviceMap = None,
    tensor_parallel: f.TensorParallel = False,
    trust_remote_code: f.TrustRemoteCode = False,
    family: f.Family = None,
    memory_budget: f.Budget = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
    debug: f.Debug = False,
    quiet: f.Quiet = False,
    verbose: f.Verbose = False,
) -> None:
    """Run strategies over a task's languages; go on where an earlier run was left.

    The same command finds its run again and does only what is missing. On the bundled task:
    xtp bench --task babel --strategy attn-swap
    """
    from xtransplant.backends.registry import parse_on
    from xtransplant.bench.config import parse_shard
    from xtransplant.bench.settings import config_from
    from xtransplant.bench.unused import check_bench

    chosen = config_from(
        task=task or (), strategy=strategy or (), model=model, revision=revision, dtype=dtype,
        device_map=device_map, tensor_parallel=tensor_parallel, family=family,
        trust_remote_code=trust_remote_code, add_bos=add_bos,
        langs=langs or (), pairs=pairs, options=options or (), direction=direction, mode=mode,
        split=split, limit=limit, seed=seed, data_dir=data_dir, file=file, column=column or (),
        split_by=split_by,
        max_new_tokens=max_new_tokens, apply_chat_template=apply_chat_template,
        allow_misaligned=allow_misaligned, log_samples=log_samples, memory_budget=memory_budget,
    )  # fmt: skip
    part = None if shard is None else parse_shard(shard)
    backend = parse_on(on, insecure=insecure, jobs=jobs, workers=workers)
    check_bench(chosen, backend, shard=part, dry=dry_run, as_json=as_json)

    from xtransplant.cli.console import Lines, print_dry_run, print_runs, ready

    lines = Lines(quiet=quiet)
    ready(verbose=verbose)
    from xtransplant.bench.dispatch import bench_on

    if dry_run or backend.is_dry:
        from xtransplant.bench.dry_run import dry_bench

        found = dry_bench(
            chosen, output_path, fresh=fresh, across=across, say=lines.say,
            elsewhere=not backend.in_process,
        )  # fmt: skip
        print_dry_run(found)
        return
    run = bench_on(
        backend, chosen, output_path, fresh=fresh, shard=part, across=across,
        say=lines.say, watch=lines.watch, note=lines.note, accept_versions=accept_versions,
    )  # fmt: skip
    lines.say(f"records in {run.path}")
    print_runs([run.path], as_json=as_json)
