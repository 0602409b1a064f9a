"""Tables as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xtransplant.report.formats import text_grids
from xtransplant.report.tables import Table
from xtransplant.report.text_grid import TextGrid
from xtransplant.style.escape import TEX_PREAMBLE, escape_tex

__all__ = ["to_latex"]


def to_latex(tables: Sequence[Table], columns: int | None = None) -> str:
    r"""Every table, oracles in italics; the document needs ``\usepackage{booktabs}``.

    Args:
        tables: what to write.
        columns: how many of numbers stand beside one another at most; what is wider goes on below.
    """
    parts = [
        "% needs \\usepackage{booktabs}; letters beyond accented Latin ones show as numbers in\n"
        f"% pdfLaTeX, and in XeLaTeX and LuaLaTeX with a font that has them\n{TEX_PREAMBLE}"
    ]
    for one in text_grids(tables):
        step = columns or len(one.heads)
        blocks = [
            "\n".join(_tabular(one, range(len(one.heads))[start : start + step]))
            for start in range(0, len(one.heads), step)
        ]
        notes = " ".join(f"{escape_tex(note)}." for note in one.notes)
        lines = [
            "\\begin{table}",
            "\\centering\\small",
            f"\\caption{{{escape_tex(one.title)}.}}",
            "\n\n\\medskip\n".join(blocks),
            "",
            "\\smallskip",
            f"\\parbox{{\\linewidth}}{{\\footnotesize {notes}}}",
            "\\end{table}",
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _tabular(one: TextGrid, columns: range) -> Iterator[str]:
    """Some of a table's columns, its labels before them."""
    yield f"\\begin{{tabular}}{{@{{}}l{'r' * len(columns)}@{{}}}}"
    yield "\\toprule"
    yield _line("", [one.heads[k] for k in columns])
    yield "\\midrule"
    strategy = one.lines[0].strategy
    for line in one.lines:
        if line.strategy != strategy:
            yield "\\addlinespace"
            strategy = line.strategy
        label = escape_tex(line.label)
        if line.aside:
            label = f"\\textit{{{label}}}"
        if line.null:
            label = f"\\quad {label}"
        yield _line(label, [line.cells[k] for k in columns])
    yield "\\bottomrule"
    yield "\\end{tabular}"


def _line(label: str, cells: Sequence[str]) -> str:
    # A hyphen before a number is its sign: it is as wide as the other signs.
    shown = [re.sub(r"(?<![\w-])-(?=\d)", "$-$", escape_tex(cell)) for cell in cells]
    return " & ".join([label, *shown]) + " \\\\"
