"""Whatever users' files and models are called, and say: shown in every format, obeyed in none."""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import make_summary
from markdown_it import MarkdownIt
from rich.console import Console

from xtransplant.report import data, formats
from xtransplant.report.figures import save_figures
from xtransplant.report.listing import runs_table
from xtransplant.report.tables import make_tables
from xtransplant.style.escape import (
    csv_name,
    escape_markdown,
    escape_tex,
    json_text,
    short,
    visible,
)

# Any character at all, those oftener that some format or screen obeys.
ACTING = (
    "\\`*_{}[]<>()#+-.!|~&$@:=%^\"'\n\r\t\x00\x07\x1b\x7f\x85\u200b\u202e\u2066\u2028\ufeff\ud800"
)
CHARACTERS = st.one_of(st.sampled_from(ACTING), st.characters(exclude_categories=[]))
TEXTS = st.text(CHARACTERS, max_size=12) | st.sampled_from(
    ["[bold]x[/]", ":smile:", "</b>", "1. x", "- x", "www.a.b", "http://a.b", "&lt;", "--", "=1+1",
     "\x1b]8;;http://a\x07b", "\\\\[1em]", "* x", "$x_$", "![a](b)", "~~~", "a  b", "| --- |"]
)  # fmt: skip


def acts(text, but="\n"):
    """Characters in a text that a terminal or editor would obey, or hide."""
    return [
        char for char in text
        if char not in but
        and (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
             or unicodedata.bidirectional(char) in
             ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
             or char in "\u200b\u200e\u200f\u2060\ufeff\u00ad")
    ]  # fmt: skip


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
def test_no_name_acts_in_any_format(texts):
    summary = named(texts)
    tables = make_tables([summary])
    screen = Console(file=io.StringIO(), width=200, color_system=None)
    screen.print(formats.to_terminal(tables, 200))
    shown = {
        "terminal": screen.file.getvalue(), "markdown": formats.to_markdown(tables),
        "latex": formats.to_latex(tables), "csv": data.to_csv([summary]),
        "json": data.to_lm_eval([summary]),
    }  # fmt: skip
    for name, text in shown.items():
        assert not acts(text), name
    for row in tables[0].rows:
        assert visible(row.label) in shown["terminal"]  # rich has a markup of its own
    languages = list(summary.tasks[texts[4]].languages)
    check_markdown(shown["markdown"], [visible(lang) for lang in languages])
    check_latex(shown["latex"], len(languages) + 4)
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
    assert set(widths) == {len(languages) + 4}
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


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_escapes_say_all_and_do_nothing(text):
    assert not acts(visible(text), but="")
    assert json.loads(json_text([text])) == [text]
    assert not acts(json_text([text]))
    assert len(short(text, 5)) <= 5
    assert not csv_name(text).lstrip().startswith(("=", "+", "-", "@"))
    rendered = MarkdownIt("commonmark").enable("strikethrough").parseInline(escape_markdown(text))
    children = rendered[0].children
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == visible(text).strip()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("हिन्दी\u200d क्ष", "हिन्दी\u200d क्ष"),  # joiners are how the script is written
        ("a\u202eb", "a\\u202eb"), ("a\u200bb", "a\\u200bb"), ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"), ("\x9b31m", "\\x9b31m"), ("\ufffe", "\\ufffe"), ("é", "é"),
    ],
)  # fmt: skip
def test_only_what_acts_is_escaped(text, there):
    assert visible(text) == there


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("~^\\", "\\textasciitilde{}\\textasciicircum{}\\textbackslash{}"), ("a--b", "a-{}-b"),
        ("é→", "é$\\to$"), ("語", "\\xtpletter{8A9E}{語}"), ("[1em]", "{[}1em{]}"),
        ('"', '\\string"'), ("ą", "\\xtpletter{0105}{ą}"), ("a  b", "a ~b"),
    ],
)  # fmt: skip
def test_pdflatex_knows_every_letter(text, there):
    assert escape_tex(text) == there


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
