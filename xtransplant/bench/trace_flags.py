"""The flags of ``xtp trace``: texts as a user gives them; ``bench.trace_config`` parses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from xtransplant.bench.flags import (
    STRATEGY,
    AddBos,
    Budget,
    ChatTemplate,
    DataFlags,
    Debug,
    DirectionFlag,
    Flag,
    Insecure,
    LoadFlags,
    LogFile,
    MaxNewTokens,
    Model,
    On,
    Options,
    Quiet,
    SourceLayers,
    Sources,
    Split,
    TargetLayers,
    Verbose,
)
from xtransplant.grid.axes import MetricName

__all__ = ["PromptFlags", "TraceFlags"]


@dataclass(frozen=True)
class PromptFlags:
    """Which example a grid is of: the user's own prompts, or one of a task."""

    source: Annotated[str | None, Flag("Prompt to read from: text, @FILE, or - for stdin.")] = None
    target: Annotated[str | None, Flag("Prompt to write into: text, @FILE, or - for stdin.")] = None
    candidates: Annotated[
        list[str],
        Flag("An answer to score, spaces included; repeat it, or @FILE of lines.", metavar="TEXT"),
    ] = field(default_factory=list)
    answer: Annotated[str | None, Flag("The right answer, spaces included.")] = None
    alignment: Annotated[
        str | None,
        Flag("Which words of the two go together: 0-0 1-2, source and target, from 0."),
    ] = None
    task: Annotated[
        str | None, Flag("Where the example comes from (xtp list tasks); babel by default.")
    ] = None
    lang: Annotated[str | None, Flag("Language of the task; its first by default.")] = None
    example: Annotated[int | None, Flag("Number of the example, from 0; 0 by default.")] = None
    sources: Sources = field(default_factory=list)
    direction: DirectionFlag = None
    split: Split = None
    data: DataFlags = field(default_factory=DataFlags)


@dataclass(frozen=True)
class TraceFlags:
    """Of ``xtp trace``."""

    strategy: Annotated[str, Flag(f"{STRATEGY}.", ("--strategy", "-s"))]
    model: Model = None
    load: LoadFlags = field(default_factory=LoadFlags)
    prompt: PromptFlags = PromptFlags()
    source_layers: SourceLayers = "all"
    target_layers: TargetLayers = "all"
    options: Options = field(default_factory=list)
    axes: Annotated[
        str | None,
        Flag(
            "What stands down and across: i, j or an option with several values; i,j by default.",
            ("--axes",),
            metavar="ROWS,COLUMNS",
        ),
    ] = None
    metric: Annotated[
        MetricName,
        Flag(
            "What cells show of an answer that is scored: its probability, that among the "
            "candidates alone, its log-probability, its rank, or how much of the source's "
            "advantage is recovered.",
            ("--metric",),
        ),
    ] = "probability"
    score: Annotated[
        bool, Flag("Score candidates (default, unless --generate is given).", ("--score",))
    ] = False
    generate: Annotated[bool, Flag("Generate a text in every cell.", ("--generate",))] = False
    max_new_tokens: MaxNewTokens = 20
    apply_chat_template: ChatTemplate = False
    add_bos: AddBos = False
    memory_budget: Budget = None
    verify: Annotated[
        bool,
        Flag(
            "Verify packing anew, and compare this grid with one variant at a time, at half "
            "precision with float32 too; exit 1 if it differs by more than rounding.",
            ("--verify",),
        ),
    ] = False
    as_json: Annotated[bool, Flag("Print one JSON document.", ("--json",))] = False
    save: Annotated[Path | None, Flag("Cells to FILE.parquet, .csv or .json.")] = None
    plot: Annotated[Path | None, Flag("Heatmap to FILE.png, .svg or .pdf.")] = None
    on: On = "local"
    insecure: Insecure = False
    log_file: LogFile = None
    debug: Debug = False
    quiet: Quiet = False
    verbose: Verbose = False
