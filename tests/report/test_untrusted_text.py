"""Whatever users' files and models are called, and say: shown in every format, obeyed in none."""

import csv
import io
import json
import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_runs import make_summary
from markdown_it import MarkdownIt
from rich.console import Console
from untrusted import TEXTS, acts

from xtransplant.report import data, formats, latex
from xtransplant.report.figures import save_figures
from xtransplant.report.listing import runs_table
from xtransplant.report.tables import make_tables
from xtransplant.style.escape import (
    visible,
)


def named(texts, pairs=((0, 0), (3, 0), (3, 1))):
    """Two languages, two strategies, and what else has a name."""
    one, two, model, strategy, task, run, why = texts
    return make_summary(
        Path(), name=run, model=model, task=task, langs=tuple(dict.fromkeys([one, two])),
        strategies=tuple(dict.fromkeys([strategy, f"{strategy}2"])), pairs=list(pairs),
        asked=run, why=why, n=3, absent=(0,),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[TEXTS] * 7))
@example(("\ud800",) * 7)
def test_no_name_acts_in_any_format(texts):
    summary = named(texts)
    tables = make_tables([summary])
    screen = Console(file=io.StringIO(), width=200, color_system=None)
    screen.print(formats.to_terminal(tables, 200))
    shown = {
        "terminal": screen.file.getvalue(), "markdown": formats.to_markdown(tables),
        "latex": latex.to_latex(tables), "csv": data.to_csv([summary]),
        "json": data.to_lm_eval([summary]),
    }  # fmt: skip
    for name, text in shown.items():
        assert not acts(text), name
    for row in tables[0].rows:
        assert visible(row.label) in shown["terminal"]  # rich has a markup of its own
    languages = list(summary.tasks[texts[4]].languages)
    check_markdown(shown["markdown"], [visible(lang) for lang in languages])
    check_latex(shown["latex"], len(languages) + 5)
    rows = list(csv.reader(io.StringIO(shown["csv"])))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not any(cell.lstrip().startswith(("=", "@", "+")) for row in rows for cell in row)
    # Nothing is lost: programs read the names as they are.
    document = json.loads(shown["json"])
    (model,) = document["models"].values()
    assert model["name"] == texts[2]
    assert {one["strategy"] for one in next(iter(document["rows"].values())).values()} == {
        "", *summary.manifest.strategies
    }  # fmt: skip


def check_markdown(text, languages):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    kinds = [token.type for token in tokens]
    assert kinds.count("table_open") == kinds.count("heading_open") == 1
    assert kinds.count("bullet_list_open") == 1
    assert not {"html_block", "ordered_list_open", "fence", "code_block", "hr"} & set(kinds)
    inlines = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inlines for child in token.children} <= {
        "text", "text_special"
    }  # fmt: skip
    widths, cells = [], []
    for token in tokens:
        if token.type == "tr_open":
            cells = []
        if token.type in ("th_open", "td_open"):
            cells.append(token)
        if token.type == "tr_close":
            widths.append(len(cells))
    assert set(widths) == {len(languages) + 5}
    # The heads say what the languages are called, character by character.
    start = kinds.index("thead_open")
    heads = [
        "".join(child.content for child in token.children).strip()
        for token in tokens[start : kinds.index("thead_close")]
        if token.type == "inline"
    ]
    assert heads[1 : 1 + len(languages)] == [lang.strip() for lang in languages]


def check_latex(text, n_columns):
    """Braces balance, specials are escaped, every row has as many cells."""
    bare = re.sub(r"\\[\\&%$#_{}]", "", text.split("% needs", 1)[1].split("\n", 3)[3])
    depth = 0
    for char in bare:
        depth += (char == "{") - (char == "}")
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[#%^]", bare)
    assert bare.count("$") % 2 == 0
    body = text.split("\\toprule")[1].split("\\bottomrule")[0]
    for line in filter(lambda line: line.endswith("\\\\"), body.splitlines()):
        assert len(re.findall(r"(?<!\\)&", line)) == n_columns - 1
    # A row that began with one of these would be taken for an option of the row before.
    assert not re.search(r"(\\\\|\\midrule|\\addlinespace)\s*[\[*]", body)


def test_figures_take_names_as_they_are(tmp_path):
    summary = named(["$x_$", "\x1b[2J" + "long" * 30, "m$\\frac$", "_s$_$", "t/../t", "r", ""],
                    [(i, j) for i in (0, 3) for j in (1, 2)])  # fmt: skip
    paths = save_figures([summary], tmp_path, [".svg"])
    assert {path.parent for path in paths} == {tmp_path}
    assert len(paths) == len(set(paths)) == 4
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert not acts(text, but="\n")
    # matplotlib writes each text it draws into a comment.
    for words in ("$x_$", "_s$_$ upper bound", "_s$_$2, best of 2", "INCOMPLETE"):
        assert words in text, words


def test_the_list_of_runs_obeys_no_markup(tmp_path):
    from made_runs import make_run

    make_run(tmp_path / "a", model="[red]x[/blue]\x1b[2J:smile:", langs=("sw",), pairs=[(0, 0)])
    screen = Console(file=io.StringIO(), width=300, color_system=None)
    screen.print(runs_table(tmp_path).shown)
    assert "[red]x[/blue]\\x1b[2J:smile:" in screen.file.getvalue()
    assert not acts(runs_table(tmp_path, as_json=True).shown)
