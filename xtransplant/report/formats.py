"""A table as Markdown, LaTeX or for the terminal; all numbers as CSV or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xtransplant.report.tables import Row, Table, make_tables
from xtransplant.report.words import visible
from xtransplant.runs.tables import CORRECT
from xtransplant.stats.rates import Rate
from xtransplant.stats.summary import Summary
from xtransplant.stats.tally import Bound

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

__all__ = ["FORMATS", "csv", "frame", "latex", "lm_eval", "markdown", "terminal"]

FORMATS = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}
"""Names of formats, and what their files end in."""

_AVERAGES = ("micro", "macro", "spread")


def markdown(tables: Sequence[Table]) -> str:
    """Every table, its notes below it."""
    parts = []
    for table in tables:
        heads = ["", *table.languages, *_AVERAGES]
        lines = [f"### {_md(table.title)}", "", "| " + " | ".join(heads) + " |"]
        lines.append("|---|" + "--:|" * (len(heads) - 1))
        for row in table.rows:
            cells = [_md(_label(row)), *_cells(row, table.languages), *_averages(row)]
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", *(f"- {_md(note)}" for note in (*table.notes, _LEGEND))]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


_LEGEND = (
    "micro: all examples, ± standard error; macro: mean over languages, ± standard error; "
    "spread: standard deviation over languages"
)


def latex(tables: Sequence[Table]) -> str:
    """Every table for ``\\usepackage{booktabs}``; oracles in italics."""
    parts = ["% needs \\usepackage{booktabs} and a font with the letters below (XeLaTeX, LuaLaTeX "
             "or pdfLaTeX)"]  # fmt: skip
    for table in tables:
        n_columns = len(table.languages) + len(_AVERAGES)
        lines = [
            "\\begin{table}",
            "\\centering\\small",
            f"\\caption{{{_tex(table.title)}.}}",
            f"\\begin{{tabular}}{{@{{}}l{'r' * n_columns}@{{}}}}",
            "\\toprule",
            " & ".join(["", *map(_tex, table.languages), *_AVERAGES]) + " \\\\",
            "\\midrule",
        ]
        strategy = ""
        for row in table.rows:
            if row.strategy != strategy:
                lines.append("\\addlinespace")
                strategy = row.strategy
            cells = [_label(row), *_cells(row, table.languages), *_averages(row)]
            texts = [_tex(cell) for cell in cells]
            if row.oracle:
                texts[0] = f"\\textit{{{texts[0]}}}"
            lines.append(" & ".join(texts) + " \\\\")
        lines += ["\\bottomrule", "\\end{tabular}", "", "\\smallskip"]
        notes = " ".join(f"{_tex(note)}." for note in (*table.notes, _LEGEND))
        lines += [f"\\parbox{{\\linewidth}}{{\\footnotesize {notes}}}", "\\end{table}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def terminal(tables: Sequence[Table], width: int) -> Group:
    """Every table, its languages in blocks that fit ``width`` columns."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown: list[Any] = []
    for table in tables:
        shown.append(Text(visible(table.title), style="bold"))
        heads = [*table.languages, *_AVERAGES]
        grid = [[*_cells(row, table.languages), *_averages(row)] for row in table.rows]
        labels = max(len(_label(row)) for row in table.rows)
        columns = zip(heads, zip(*grid, strict=True), strict=True)
        widths = [max(len(head), *map(len, column)) + 2 for head, column in columns]
        for start, stop in _blocks(widths, width - labels - 2):
            rich = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
            rich.add_column("", no_wrap=True)
            for head in heads[start:stop]:
                rich.add_column(visible(head), justify="right", no_wrap=True)
            strategy = ""
            for row, cells in zip(table.rows, grid, strict=True):
                if row.strategy != strategy:
                    rich.add_section()
                    strategy = row.strategy
                style = "dim" if row.oracle or row.kind == "null" else ""
                rich.add_row(visible(_label(row)), *cells[start:stop], style=style)
            shown += [rich, Text("")]
        shown += [Text(visible(note), style="dim") for note in (*table.notes, _LEGEND)]
        shown.append(Text(""))
    return Group(*shown)


def _blocks(widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Columns from (inclusive) and to (exclusive) that fit beside one another."""
    blocks, start, taken = [], 0, 0
    for k, width in enumerate(widths):
        if k > start and taken + width > room:
            blocks.append((start, k))
            start, taken = k, 0
        taken += width
    return [*blocks, (start, len(widths))]


def frame(summaries: Sequence[Summary]) -> pd.DataFrame:
    """Every number of every run, one row each.

    Columns: ``run``, ``model``, ``task``, ``split``, ``lang``, ``level``, ``strategy``, ``kind``
    (``vanilla``, ``source``, ``pair``, ``bound``), ``source_layer``, ``target_layer`` (empty: any),
    ``right``, ``n``, ``value``, ``stderr``, ``ci95_low``, ``ci95_high``, ``null`` (the bound's, a
    share) and ``oracle``.
    """
    import pandas as pd

    return pd.DataFrame([entry for summary in summaries for entry in _entries(summary)])


def csv(summaries: Sequence[Summary]) -> str:
    """:func:`frame` as CSV."""
    text: str = frame(summaries).to_csv(index=False)
    return text


def lm_eval(summaries: Sequence[Summary]) -> str:
    """All tables as JSON with the keys of lm-evaluation-harness.

    ``results``: by ``task_lang``, and by ``task`` for all languages (the mean over examples) and
    ``task_macro`` (the mean over languages); each has ``acc,<row>`` with ``acc_stderr,<row>``
    and ``acc_ci95,<row>``. Rows are those of the tables, for levels ``strict`` and ``lenient`` as
    ``acc_strict`` and ``acc_lenient``. ``oracles`` names the rows that looked at the answers.
    """
    results: dict[str, dict[str, Any]] = {}
    oracles: dict[str, None] = {}
    for level in CORRECT:
        metric = "acc" if level == "match" else f"acc_{level}"
        for table in make_tables(summaries, level):
            name = f"{table.task}_{table.split}"
            for row in table.rows:
                for lang, rate in row.rates.items():
                    _add(results, f"{name}_{lang}", metric, row.label, rate)
                _add(results, name, metric, row.label, row.micro)
                value, error = row.macro
                entry = results.setdefault(f"{name}_macro", {"alias": f"{name}_macro"})
                entry[f"{metric},{row.label}"] = _finite(value)
                entry[f"{metric}_stderr,{row.label}"] = _finite(error)
                if row.oracle:
                    oracles[row.label] = None
    document = {
        "results": results,
        "oracles": list(oracles),
        "configs": {one.name: one.manifest.config for one in summaries},
        "versions": {
            name: entry.version
            for one in summaries
            for name, entry in one.manifest.tasks.items()
        },
        "n-samples": {
            f"{name}_{task.split}_{lang}": {"effective": counts.vanilla["match"].n}
            for one in summaries
            for name, task in one.tasks.items()
            for lang, counts in task.languages.items()
        },
        "models": {one.name: one.manifest.model for one in summaries},
        "environment": {one.name: one.manifest.versions for one in summaries},
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _entries(summary: Summary) -> Any:
    for task in summary.tasks.values():
        base = {
            "run": summary.name, "model": summary.manifest.model["name"], "task": task.name,
            "split": task.split,
        }  # fmt: skip
        for lang, counts in task.languages.items():
            for level in CORRECT:
                here = {**base, "lang": lang, "level": level}
                for kind, rates in (("vanilla", counts.vanilla), ("source", counts.source)):
                    yield {**here, "strategy": "", "kind": kind, **_numbers(rates[level])}
                for strategy, tallies in counts.strategies.items():
                    own, one = {**here, "strategy": strategy}, tallies[level]
                    for pair in one.hits:
                        yield {**own, "kind": "pair", **_layers(*pair), **_numbers(one.rate(pair))}
                    if not one.is_grid:
                        continue
                    bounds: list[tuple[int | None, int | None, Bound]] = [(None, None, one.overall)]
                    bounds += [(i, None, bound) for i, bound in one.by_source.items()]
                    bounds += [(None, j, bound) for j, bound in one.by_target.items()]
                    for i, j, bound in bounds:
                        rate = Rate(bound.right, one.n)
                        null = Rate(bound.null, one.n).value
                        yield {**own, "kind": "bound", **_layers(i, j), **_numbers(rate),
                               "null": null, "oracle": True}  # fmt: skip


def _layers(i: int | None, j: int | None) -> dict[str, int | None]:
    return {"source_layer": i, "target_layer": j}


def _numbers(rate: Rate) -> dict[str, Any]:
    low, high = rate.ci95
    return {
        "right": rate.right, "n": rate.n, "value": rate.value, "stderr": rate.stderr,
        "ci95_low": low, "ci95_high": high, "oracle": False,
    }  # fmt: skip


def _add(
    results: dict[str, dict[str, Any]], name: str, metric: str, label: str, rate: Rate
) -> None:
    entry = results.setdefault(name, {"alias": name})
    entry[f"{metric},{label}"] = _finite(rate.value)
    entry[f"{metric}_stderr,{label}"] = _finite(rate.stderr)
    entry[f"{metric}_ci95,{label}"] = [_finite(end) for end in rate.ci95]


def _cells(row: Row, languages: Sequence[str]) -> list[str]:
    return [_percent(row.rates[lang].value) if lang in row.rates else "–" for lang in languages]


def _averages(row: Row) -> list[str]:
    mean, error = row.macro
    return [
        f"{_percent(row.micro.value)} ±{_percent(row.micro.stderr)}",
        f"{_percent(mean)} ±{_percent(error)}",
        _percent(row.spread),
    ]


def _label(row: Row) -> str:
    return f"{row.label} †" if row.oracle else row.label


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _md(text: str) -> str:
    """Text that Markdown takes for text, whatever a strategy or model is called."""
    for char in "\\`*_[]<>|#":
        text = text.replace(char, f"\\{char}")
    return visible(text)


_TEX = {
    "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_",
    "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "→": "$\\to$", "†": "$\\dagger$", "±": "$\\pm$", "–": "--", "<": "$<$", ">": "$>$",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(char, char) for char in visible(text))
