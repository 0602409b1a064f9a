"""``xtp trace``: one example, one strategy, the whole grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from xtransplant.errors import XTransplantError

__all__ = ["trace"]

_MODEL, _PROMPTS, _GRID, _OUTPUT = "Model", "Prompts", "Grid", "Output"


def trace(
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="Name, or path/to/file.py[:name].")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Hub repository or folder; the task's own by default."),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    dtype: Annotated[
        str, typer.Option(help="auto, float32, float16, bfloat16 or float64.")
    ] = "auto",
    device_map: Annotated[
        str | None, typer.Option(help="Such as auto or cuda:0; CPU by default.")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with the checkpoint.")
    ] = False,
    family: Annotated[
        str | None, typer.Option(help="Known family laid out alike, or a table's JSON file.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Prompt to read from: text, @FILE, or - for stdin.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Prompt to write into: text, @FILE, or - for stdin.")
    ] = None,
    candidates: Annotated[
        list[str] | None, typer.Option(help="An answer to score, spaces included; repeat it.")
    ] = None,
    answer: Annotated[str | None, typer.Option(help="The right answer, spaces included.")] = None,
    task: Annotated[str, typer.Option(help="Where examples come from; see xtp list tasks.")] = (
        "babel"
    ),
    lang: Annotated[str, typer.Option(help="Language of the task.")] = "sw",
    example: Annotated[int, typer.Option(help="Number of the example, from 0.")] = 0,
    direction: Annotated[
        Literal["en-to-lang", "lang-to-en"] | None, typer.Option(help="The task's by default.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="The task's first by default.")] = None,
    source_layers: Annotated[str, typer.Option(help="all, 3, 0,4,8 or 0:32:2.")] = "all",
    target_layers: Annotated[str, typer.Option(help="all, 3, 0,4,8 or 0:32:2.")] = "all",
    options: Annotated[
        list[str] | None,
        typer.Option("-S", metavar="NAME=VALUE", help="Option of the strategy; repeat it."),
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Score candidates (default).")] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Generate a continuation in every cell.")
    ] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of each continuation.")] = 20,
    apply_chat_template: Annotated[
        bool, typer.Option("--apply-chat-template", help="Pass both prompts through it.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare this grid with one variant at a time.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    save: Annotated[Path | None, typer.Option(help="Cells to FILE.parquet or .csv.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Heatmap to FILE.png, .svg or .pdf.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but results.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="What libraries say, too.")
    ] = False,
) -> None:
    """Transplant at every layer pair of one example, and show what the model then answers."""
    from xtransplant.benchmarks.task import find_task, pick_example
    from xtransplant.options import parse_assignments, parse_layers, written_example
    from xtransplant.report.paths import checked_path
    from xtransplant.strategies import find_strategy

    # Everything that can be wrong is looked at before the model is loaded.
    chosen = find_strategy(strategy).with_options(parse_assignments(options or []))
    if (source is None) != (target is None):
        missing = "--target" if target is None else "--source"
        raise XTransplantError(f"--source and --target go together; {missing} is missing")
    known = find_task(task)
    if source is not None and target is not None:
        item = written_example(source, target, candidates or (), answer)
        name = model
    else:
        item = pick_example(known, lang, example, direction, split)
        name = model or known.checkpoint
    if name is None:
        raise XTransplantError("no model: name one with --model REPOSITORY or --model FOLDER")
    if save is not None:
        checked_path(save, (".parquet", ".csv"), "--save")
    if plot is not None:
        checked_path(plot, (".png", ".svg", ".pdf"), "--plot")

    from xtransplant.cli.console import loading, results

    with loading(name, quiet=quiet, verbose=verbose):
        from xtransplant.grid import transplant, verify_grid
        from xtransplant.model.load import load

        loaded = load(
            name,
            revision=revision,
            dtype=dtype,
            device_map=device_map,
            trust_remote_code=trust_remote_code,
            family=family,
        )
    grid = transplant(
        loaded,
        item,
        chosen,
        source_layers=parse_layers(source_layers, loaded.n_layers, "--source-layers"),
        target_layers=parse_layers(target_layers, loaded.n_layers, "--target-layers"),
        scores=score or not generate,
        generations=generate,
        max_new_tokens=max_new_tokens,
        chat_template=apply_chat_template,
    )
    if save is not None:
        from xtransplant.report.frame import save_grid

        save_grid(grid, save)
    if plot is not None:
        grid.plot(plot)
    if as_json:
        typer.echo(json.dumps(grid.to_dict(), ensure_ascii=False, indent=1))
    else:
        results().print(grid)
    if verify:
        checked = verify_grid(loaded, grid, chosen, chat_template=apply_chat_template)
        typer.echo(checked.summary, err=True)
        if not checked.exact:
            raise typer.Exit(1)
