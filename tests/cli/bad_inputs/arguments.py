"""Bad arguments of every verb: most of them are seen before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bad_inputs.row import row

BABEL = "bench -t babel -s attn-swap --langs sw --limit 2"
NONE = "trace -s none"
TWO = f"{NONE} -m LLAMA --source hi --target ho"
GRID = "trace -s attn-swap -m LLAMA --source hi --target ho"


def link(name: str, to: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(to)


def a_folder(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).mkdir()


def one_run(folder: Path) -> None:
    """A folder of one run, as far as a report of the folder looks."""
    (folder / "runs" / "some").mkdir(parents=True)
    (folder / "runs" / "some" / "manifest.json").write_text("{}")


def said(*more: str) -> tuple[str, ...]:
    """A command with arguments that a shell could not say."""
    return "trace", "-s", "none", "-m", "LLAMA", *more


VERBS = [
    row("a verb that is none", "frobnicate", "No such command 'frobnicate'", "xtp --help"),
    row("a metric of what is not scored", "trace -s attn-swap --generate --metric rank",
        "--metric rank", "no candidate is scored", "leave it out"),
    row("a verb misspelt", "lsit", "'lsit'", "nearest: list", "xtp --help"),
    row("an argument too many", "models extra", "unexpected extra argument", "models --help"),
    row("list without what", "list", "Missing argument", "list --help"),
    row("list of something else", "list things", "'things'", "'strategies'", "list --help"),
    row("show without what", "show", "Missing argument", "show --help"),
    row("show of a strategy that is none", "show atn-swap", "'atn-swap'", "nearest: attn-swap"),
    row("a flag that is none", f"{NONE} --strateg x", "--strateg", "nearest: --strategy"),
    row("a flag without its value", "trace -s", "-s", "requires an argument"),
    row("a combination of nothing", "show 'attn-swap + '", "a name is missing"),
    row("a combination that writes one place twice", "show 'attn-swap + attn-swap'",
        "attn-swap writes target.attn[j]", "an earlier part"),
    row("a mean of sources where none come back", "trace -s resid-mean-swap --sources zh --on dry",
        "source.mean.resid_post[i]", "--on dry gives no activations back", "--on local"),
    row("an option in parentheses that do not match", "show 'blend(weight=1'", "do not match"),
    row("an option given twice", "trace -s 'blend(weight=1)' -S weight=0.5", "-S weight=0.5",
        "give it once"),
    row("no strategy", "trace", "--strategy", "trace --help"),
    row("a bench without a task", "bench -s none", "no task is given", "--task babel"),
    row("a baseline that is none", f"{BABEL} --baselines few", "'few'", "few-shot(k=N)"),
    row("a null that is none", f"{BABEL} --null foo", "'foo'", "another item's source", "and none"),
    row("none beside a null", f"{BABEL} --null none,self", "none,self", "leave it out"),
    row("a null of what reads no source", "bench -t babel -s none --langs sw --null other",
        "--null other does nothing for none", "leave it out"),
    row("few-shot without items", "bench -t babel -s none --langs sw --baselines few-shot",
        "few-shot(k=3)", "has 0 items", "3 are needed", "--limit"),
    row("a pilot without a strategy", "pilot -t babel --baselines concat", "no strategy is given"),
    row("pairs without a strategy", "bench -t babel --baselines concat --pairs 1:1",
        "--pairs 1:1 does nothing"),
    row("a bench without a strategy", "bench -t babel", "no strategy is given", "attn-swap"),
    row("a task that is none", f"{NONE} --task bable", "unknown task 'bable'", "nearest: babel"),
    row("an empty task", f"{NONE} --task ''", "--task is empty", "leave it out"),
    row("a language that is none", f"{NONE} --lang tlh", "no language 'tlh'", "sw, zh, ar"),
    row("an empty language", f"{NONE} --lang ''", "--lang is empty", "leave it out"),
    row("a language with a newline", ("trace", "-s", "none", "--lang", "s\nw"), "'s\\nw'"),
    row("a language that turns direction", ("trace", "-s", "none", "--lang", "\u202esw"),
        "'\\u202esw'", "nearest: sw"),
    row("a bench's language that turns direction",
        ("bench", "-t", "babel", "-s", "none", "--langs", "\u202esw"), "\\u202esw", "sw, zh"),
    row("a bench's language with NUL",
        ("bench", "-t", "babel", "-s", "none", "--langs", "s\0w"), "s\\x00w", "sw, zh"),
    row("a task with an escape", ("trace", "-s", "none", "--task", "bab\x1b[31m"), "\\x1b[31m"),
    row("a strategy name without an end", ("show", "x" * 5000), "[...]", "xtp list strategies"),
    row("a split that is none", f"{NONE} --split x", "no split 'x'", "pilot, unseen"),
    row("an example that is none", f"{NONE} --example 99", "--example 99", "0 to 59"),
    row("an example that is no number", f"{NONE} --example 1e3", "--example", "integer"),
    row("a direction that is none", f"{NONE} --direction up", "up", "en-to-lang"),
    row("no model for own prompts", f"{NONE} --source a --target b", "--model"),
    row("a model's name that is none", f"{NONE} -m 'a b' --source a --target b", "'a b'",
        "check --model"),
    row("a model's name without an end", f"{NONE} -m {'x' * 5000} --source a --target b",
        "no folder", "check --model"),
    row("a model's name with NUL", ("trace", "-s", "none", "-m", "a\0b"), "'a\\x00b'"),
    row("a model's folder that is missing", f"{NONE} -m ./no/model", "'./no/model'", "config.json"),
    row("a server that is none", "doctor --on local", "looks at a model: name it", "-m REPOSITORY"),
    row("a place to run that is none", f"{NONE} --on cloud", "--on 'cloud'", "ndif:URL"),
    row("a report on nothing", "report", "Missing argument", "report --help"),
    row("a report on no run", "report no/such", "'no/such' is no run", "nothing of that name",
        "xtp runs FOLDER"),
    row("a report on a file", "report facts.csv", "'facts.csv' is no run", "it is a file",
        files={"facts.csv": "a\n"}),
    row("a report on a folder of runs", "report runs", "'runs' is no run, but a folder of 1",
        "such as runs/some", "or all: runs/*", make=one_run),
    row("a page for a folder", "report no/such --output out/page.html", "'out/page.html' is to be",
        "try --html out/page.html"),
    row("a table for a folder", "report no/such --output tables.tex",
        "try --output tables --format latex"),
    row("a format that is none", "report no/such --format tex",
        "--format 'tex' is none", "terminal, markdown, csv, json, latex", "--html FILE"),
    row("a format in other words", "report no/such -f Markdown", "(nearest: markdown)"),
    row("a page as a format", "report no/such --format html", "try --html FILE"),
    row("a strategy whose file is here", "show lean-in", "'lean-in'",
        "the file here is ./lean_in.py", files={"lean_in.py": "raise SystemExit\n"}),
    row("runs of a folder that is missing", "runs no/such", "no runs in 'no/such'", "xtp bench"),
    row("figures without a folder", "report no/such --figures png", "--figures", "--output FOLDER"),
]  # fmt: skip

NUMBERS = [
    *(
        row(f"weight={value}", f"trace -s blend -S weight={value}", f"weight='{value}'",
            "a finite number", "-S weight=0.5")
        for value in ("nan", "inf", "-inf", "1e999")
    ),
    row("weight=nan of a bench", "bench -t babel -s blend -S weight=nan", "weight='nan'",
        "a finite number"),
    row("weight=much", "trace -s blend -S weight=much", "weight='much'", "a number"),
    row("a step of 0", "trace -s blend -S weight=0:1:0", "weight='0:1:0'", "step of 0",
        "START:STOP:STEP"),
    row("a sweep of too many values", "bench -t babel -s blend -S weight=0:1:0.001",
        "'0:1:0.001'", "1,001 values", "greater step"),
    row("a sweep of an option that is none", "bench -t babel -s blend -S wieght=0,1",
        "wieght=0,1", "site, through, weight, when"),
    row("a value twice", "trace -s blend -S weight=0,1,0", "0.0 is there twice"),
    row("an axis twice", "trace -s blend -S weight=0,1 --axes j,j", "--axes 'j,j'", "j twice",
        "i, j, weight"),
    row("an axis that is not swept", "trace -s blend --axes weight,j", "--axes 'weight,j'",
        "-S weight=0:1:0.25"),
    row("one axis", "trace -s blend --axes i", "--axes 'i'", "two of i, j"),
    row("layers that are open", "trace -s blend -S weight=0,1 --axes weight,j -m LLAMA "
        "--source a --target b", "--axes weight,j", "4 source layers", "--source-layers 2"),
    row("layers beside a pair", "bench -t babel -s blend --pairs 5:2 --source-layers 5",
        "--source-layers 5", "--pairs 5:2", "leave one"),
    row("layers that leave no pair", "bench -t babel -s blend --pairs source-last "
        "--source-layers 0:4", "source-last", "0:4", "no layer pair"),
    row("layers that are none", "bench -t babel -s blend --source-layers x", "'x'", "0:32:2"),
    row("an option without its value", "trace -s blend -S weight", "'weight'", "name=value"),
    row("an option that is none", "trace -s blend -S wieght=1", "'wieght'", "nearest: weight"),
    row("a choice that is none", "trace -s blend -S site=knee", "site='knee'", "attn, ffn"),
    row("layers 0:0", f"{GRID} --source-layers 0:0", "'0:0' names no layer", "0:1 is layer 0"),
    row("layers 1:1", f"{GRID} --target-layers 1:1", "'1:1' names no layer", "the end is left out"),
    row("layers beyond", f"{GRID} --source-layers 0:32:2", "'0:32:2'", "0 to 3"),
    row("layers of 5,000 digits", f"{GRID} --source-layers {'9' * 5000}", "all, a layer (3)"),
    row("layers in words", f"{GRID} --source-layers few", "'few'", "0:32:2"),
    row("pairs of 5,000 digits", f"{BABEL} --pairs {'9' * 5000}:0", "last:first"),
    row("pairs in other digits", f"{BABEL} --pairs １:2", "'１:2'", "last:first"),
    row("pairs beyond", f"{BABEL} --pairs 99:0", "99:0", "0 to "),
    row("memory without an end", f"{TWO} --memory-budget {'9' * 400}G", "no amount of memory"),
    row("no memory at all", f"{TWO} --memory-budget 0.1", "'0.1' is no amount", "1.5GiB"),
    row("memory that is no number", f"{TWO} --memory-budget nan", "'nan'", "1.5GiB"),
    row("no new tokens", f"{TWO} --generate --max-new-tokens 0", "--max-new-tokens", "1"),
    row("a shard beyond", f"{BABEL} --shard 4/3", "'4/3'", "1/8"),
    row("a shard of 5,000 digits", f"{BABEL} --shard 1/{'9' * 5000}", "should be k/n", "1/8"),
    row("a limit of nothing", f"{BABEL} --limit 0", "--limit", "1"),
    row("a seed that is no number", f"{BABEL} --seed x", "--seed", "integer"),
    *(
        row(f"device {value}", f"{TWO} --device-map {value}", f"--device-map '{value}'",
            "no device of this machine", "cpu", "auto")
        for value in ("nonsense", "cuda:99", "meta", "0")
    ),
    row("a dtype that is none", f"{TWO} --dtype int8", "'int8'", "float32"),
    row("a family that is none", f"{TWO} --family lama", "lama", "xtp list families"),
]  # fmt: skip

TEXTS = [
    row("one prompt alone", f"{NONE} --source a", "--target is missing"),
    row("an empty prompt", f"{NONE} --source ' ' --target b", "--source is empty", "@FILE"),
    row("both from standard input", f"{NONE} --source - --target -", "both be standard input"),
    row("a prompt from an empty input", f"{NONE} --source - --target b", "--source is empty"),
    row("NUL from standard input", f"{NONE} --source - --target b", "NUL", "position 1",
        stdin="a\0b"),
    row("a prompt with NUL", said("--source", "a\0b", "--target", "b"), "--source", "NUL"),
    row("half a surrogate pair", said("--source", "a", "--target", "b\ud83d"), "--target",
        "\\ud83d", "surrogate"),
    row("a candidate with NUL", said("--source", "a", "--target", "b", "--candidates", "x\0"),
        "--candidates", "NUL"),
    row("an answer with half a pair", said("--source", "a", "--target", "b", "--answer", "\udcff"),
        "--answer", "surrogate"),
    row("a candidate twice", f"{TWO} --candidates x --candidates x", "'x' is there 2 times"),
    row("an answer that is no candidate", f"{NONE} --answer ' 7'", "' 7'", "none of the"),
    row("prompts and a task", f"{NONE} --source a --target b --lang sw", "--lang sw"),
    row("a prompt beyond the context", f"{GRID} --source '{'word ' * 3000}'", "tokens", "at most"),
    row("no chat template", f"{TWO} --apply-chat-template", "chat template"),
]  # fmt: skip

OUTPUTS = [
    row("a plot of another kind", f"{NONE} --plot grid.gif", "'grid.gif'", ".png or .svg or .pdf"),
    row("a table of another kind", f"{NONE} --save grid.xlsx", "'grid.xlsx'", ".parquet"),
    row("a plot in no folder", f"{NONE} --plot no/such/x.png", "no folder", "mkdir -p no/such"),
    row("a plot where nothing can be made", f"{NONE} --plot /proc/x.png", "'/proc/x.png'",
        "cannot be written", "another path"),
    row("a table where nothing can be made", f"{NONE} --save /proc/x.csv", "'/proc/x.csv'",
        "cannot be written"),
    row("a table on a full device", f"{NONE} --save x.csv", "'x.csv'", "a device",
        make=link("x.csv", "/dev/full")),
    row("a plot on a full device", f"{NONE} --plot x.png", "'x.png'", "a device",
        make=link("x.png", "/dev/full")),
    row("a plot onto a folder", f"{NONE} --plot x.png", "a folder", make=a_folder("x.png")),
    row("a plot in a circle of links", f"{NONE} --plot x.svg", "'x.svg'", "cannot be written",
        make=link("x.svg", "x.svg")),
    row("a table's name without an end", f"{NONE} --save {'x' * 300}.csv", "too long"),
    row("a table's name with NUL", ("trace", "-s", "none", "--save", "a\0.csv"), "--save",
        "embedded null"),
    row("a file as the folder of runs", f"{BABEL} -o x", "cannot write", "--output-path",
        make=lambda folder: Path(folder / "x").write_text("kept")),
]  # fmt: skip

ROWS = [*VERBS, *NUMBERS, *TEXTS, *OUTPUTS]
