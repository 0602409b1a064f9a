"""The flags of ``xtp bench`` and ``xtp pilot``, and what ``xtp trace`` shares: texts as given.

One class for each verb, made of groups that they share. ``xtransplant.cli.command`` makes an option
of each field, in their order; ``bench.parse`` parses and checks them. Those of ``xtp trace`` are in
``bench.trace_flags``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

__all__ = ["BenchFlags", "Flag", "PilotFlags"]


@dataclass(frozen=True)
class Flag:
    """How a field is given on a command line.

    Attributes:
        help: what ``--help`` says.
        names: such as ``("--model", "-m")``; from the field's name if empty.
        metavar: what stands for its value in ``--help``.
        minimum: smallest number that is taken.
    """

    help: str
    names: tuple[str, ...] = ()
    metavar: str | None = None
    minimum: int | None = None


Direction = Literal["en-to-lang", "lang-to-en"]
Mode = Literal["score", "generate"]
Only = Literal["all", "gap", "shared"]

Model = Annotated[
    str | None,
    Flag(
        "Hub repository, folder, .gguf file, or babel, the bundled one; the task's own by default.",
        ("--model", "-m"),
    ),
]
Options = Annotated[
    list[str],
    Flag(
        "Option of the strategy; repeat it. Several values: a=0,0.5 or a=0:1:0.25 (both ends in).",
        ("-S",),
        metavar="NAME=VALUE",
    ),
]
SourceLayers = Annotated[str, Flag("Layers to read: all, 3, 0,4,8 or 0:32:2 (end left out).")]
TargetLayers = Annotated[str, Flag("Layers to write, in the same form.")]
STRATEGY = "Name or path/to/file.py[:name], with (option=value, ...) behind it; + combines several"
MaxNewTokens = Annotated[int, Flag("Of each continuation.", minimum=1)]
ChatTemplate = Annotated[bool, Flag("Pass both prompts through it.", ("--apply-chat-template",))]
AddBos = Annotated[
    bool, Flag("Begin prompts with the checkpoint's BOS; its tokenizer does not.", ("--add-bos",))
]
Budget = Annotated[
    str | None, Flag("What the work may take beyond the model, e.g. 2G.", metavar="BYTES")
]
BatchSize = Annotated[
    int | None,
    Flag("At most so many examples scored at once; by default what memory holds.", minimum=1),
]
LogFile = Annotated[
    Path | None, Flag("Add what is said on stderr to a file too, with the time.", metavar="FILE")
]
Split = Annotated[str | None, Flag("The task's first by default.")]
DirectionFlag = Annotated[
    Direction | None, Flag("en-to-lang or lang-to-en; the task's own by default.")
]
ModeFlag = Annotated[
    Mode | None, Flag("score candidates, or generate text; the task's own by default.")
]
OnlyFlag = Annotated[Only, Flag("Grids of all, gap (the source alone right) or shared (both).")]
Limit = Annotated[int | None, Flag("The first so many examples of each language.")]
Sources = Annotated[list[str], Flag("Languages of further source prompts (source.mean).")]
Seed = Annotated[int | None, Flag("Of the pilot sample, where the data have none; 0 by default.")]
On = Annotated[
    str, Flag("local, ndif, ndif:URL, ray, ray:ADDRESS or dry (docs/remote.md).", ("--on",))
]
Insecure = Annotated[
    bool, Flag("Take plain http to another machine (all can read it).", ("--insecure",))
]
Debug = Annotated[bool, Flag("Show tracebacks.", ("--debug",))]
Quiet = Annotated[bool, Flag("Nothing but results.", ("--quiet", "-q"))]
Verbose = Annotated[bool, Flag("What libraries say, too.", ("--verbose", "-v"))]


@dataclass(frozen=True)
class LoadFlags:
    """How a model is loaded."""

    revision: Annotated[str | None, Flag("Branch, tag or commit.")] = None
    gguf_file: Annotated[
        str | None, Flag("The GGUF file of that repository or folder.", metavar="NAME")
    ] = None
    dtype: Annotated[str, Flag("auto, float32, float16, bfloat16 or float64.")] = "auto"
    quantization: Annotated[str | None, Flag("bnb-4bit or bnb-8bit (docs/models.md).")] = None
    device_map: Annotated[
        str | None,
        Flag("Such as auto or cuda:0; CPU by default.", ("--device-map", "--device")),
    ] = None
    tensor_parallel: Annotated[
        bool, Flag("Split over torchrun's processes (docs/remote.md).", ("--tensor-parallel",))
    ] = False
    trust_remote_code: Annotated[
        bool, Flag("Run code that comes with the checkpoint.", ("--trust-remote-code",))
    ] = False
    family: Annotated[
        str | None, Flag("Known family laid out alike, or a table: JSON, or a file of it.")
    ] = None


@dataclass(frozen=True)
class DataFlags:
    """Where a task's data lie."""

    data_dir: Annotated[
        Path | None, Flag("Folder in the paper's layout, or of clones of the hub's datasets.")
    ] = None
    file: Annotated[Path | None, Flag("Of task file: .jsonl, .csv or .parquet.")] = None
    column: Annotated[
        list[str],
        Flag("Of that file, e.g. answer=gold.", ("--column",), metavar="WHAT=COLUMN"),
    ] = field(default_factory=list)
    split_by: Annotated[
        str | None,
        Flag("Of that file: the column that names each row's split.", metavar="COLUMN"),
    ] = None
    wide: Annotated[
        str | None,
        Flag(
            "Of that file: its columns of prompts, the source's first: en,fr,sw.", metavar="LANGS"
        ),
    ] = None


@dataclass(frozen=True)
class WhatFlags:
    """What a bench runs."""

    task: Annotated[
        list[str],
        Flag("Name (xtp list tasks); repeat it, or use commas.", ("--task", "--tasks", "-t")),
    ] = field(default_factory=list)
    strategy: Annotated[
        list[str], Flag(f"{STRATEGY}; repeat it, or use commas.", ("--strategy", "-s"))
    ] = field(default_factory=list)
    baselines: Annotated[
        list[str], Flag("Other prompts beside them, no activation moved: concat, few-shot(k=3).")
    ] = field(default_factory=list)
    null: Annotated[
        list[str],
        Flag("Null grids too: other (item's source), self, paraphrase, noise; none; pilot: other."),
    ] = field(default_factory=list)
    model: Model = None
    langs: Annotated[
        list[str], Flag("Codes, between commas; all by default.", ("--langs", "-l"))
    ] = field(default_factory=list)
    sources: Sources = field(default_factory=list)


@dataclass(frozen=True)
class RunFlags:
    """How a bench runs it, and where its records go."""

    options: Options = field(default_factory=list)
    max_new_tokens: MaxNewTokens = 20
    apply_chat_template: ChatTemplate = False
    add_bos: AddBos = False
    allow_misaligned: Annotated[
        bool, Flag("Run languages whose prompts are not the same items.", ("--allow-misaligned",))
    ] = False
    exact_scores: Annotated[
        bool, Flag("Score also candidates that cannot be chosen.", ("--exact-scores",))
    ] = False
    log_samples: Annotated[
        bool, Flag("Store prompts and outputs; without them nothing can be rescored.")
    ] = True
    output_path: Annotated[Path, Flag("Folder of runs.", ("--output-path", "-o"))] = Path("runs")
    fresh: Annotated[
        bool, Flag("Begin a new run; by default go on with it.", ("--fresh/--resume",))
    ] = False
    accept_versions: Annotated[
        bool, Flag("Go on under other versions of software; it says so.", ("--accept-versions",))
    ] = False


@dataclass(frozen=True)
class PlaceFlags:
    """Where a bench runs."""

    on: On = "local"
    workers: Annotated[int | None, Flag("Of --on ray; one per GPU, else per two cores.")] = None
    jobs: Annotated[
        int | None, Flag("Of --on ndif: how many are under way at once; 4 by default.", ("--jobs",))
    ] = None
    insecure: Insecure = False


@dataclass(frozen=True)
class OutputFlags:
    """What a bench prints."""

    as_json: Annotated[bool, Flag("Print results as JSON.", ("--json",))] = False
    log_file: LogFile = None
    debug: Debug = False
    quiet: Quiet = False
    verbose: Verbose = False


@dataclass(frozen=True)
class BenchFlags:
    """Of ``xtp bench``."""

    what: WhatFlags
    pairs: Annotated[
        str,
        Flag(
            "overall, source-last, target-first, diagonal, I:J (also last:first; several "
            "between commas), @RUN or @FILE.json."
        ),
    ] = "overall"
    source_layers: SourceLayers = "all"
    target_layers: TargetLayers = "all"
    across: Annotated[bool, Flag("With @RUN: one pair for all languages.", ("--across",))] = False
    direction: DirectionFlag = None
    mode: ModeFlag = None
    split: Split = None
    limit: Limit = None
    only: OnlyFlag = "all"
    seed: Seed = None
    data: DataFlags = DataFlags()
    run: RunFlags = RunFlags()
    shard: Annotated[
        str | None, Flag("Only every N-th part, from the K-th; they add up.", metavar="K/N")
    ] = None
    dry_run: Annotated[
        bool, Flag("Say what it would cost, and run one example.", ("--dry-run",))
    ] = False
    place: PlaceFlags = PlaceFlags()
    load: LoadFlags = LoadFlags()
    memory_budget: Budget = None
    batch_size: BatchSize = None
    output: OutputFlags = OutputFlags()


@dataclass(frozen=True)
class PilotFlags:
    """Of ``xtp pilot``."""

    what: WhatFlags
    pairs: Annotated[str, Flag("To choose from: overall, source-last, target-first, diagonal.")] = (
        "overall"
    )
    source_layers: SourceLayers = "all"
    target_layers: TargetLayers = "all"
    across: Annotated[bool, Flag("One pair for all languages of a task.", ("--across",))] = False
    split: Annotated[str, Flag("Where pairs are chosen.")] = "pilot"
    apply_to: Annotated[str, Flag("Where they are applied.")] = "unseen"
    apply_limit: Annotated[int | None, Flag("Examples there; --limit otherwise.")] = None
    upper_bound: Annotated[bool, Flag("Run every pair there too.", ("--upper-bound",))] = False
    direction: DirectionFlag = None
    mode: ModeFlag = None
    limit: Limit = None
    only: OnlyFlag = "all"
    seed: Seed = None
    data: DataFlags = DataFlags()
    run: RunFlags = RunFlags()
    place: PlaceFlags = PlaceFlags()
    load: LoadFlags = LoadFlags()
    memory_budget: Budget = None
    batch_size: BatchSize = None
    output: OutputFlags = OutputFlags()
