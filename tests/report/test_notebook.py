"""Reports in a notebook: the tables of the terminal as HTML, every text of a run as text."""

import re
from html import unescape

import pytest
from made_runs import make_run

from xtransplant import XTransplantError
from xtransplant.report.formats import text_grids
from xtransplant.report.notebook import open_report
from xtransplant.runs import open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one")


def test_every_table_of_the_terminal_is_there_with_its_notes(run):
    report = open_report(run.path)
    html, grids = report._repr_html_(), list(text_grids(report.tables))
    assert html.count("<table") == len(grids) > 1
    assert html.count("<details open>") == 1
    shown = unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "\n", html, flags=re.DOTALL))
    for grid in grids:
        for text in (grid.title, *grid.notes, *(line.label for line in grid.lines)):
            assert text in shown
    assert html.count("<td>") == sum(len(line.cells) for one in grids for line in one.lines)


def test_what_a_run_is_called_is_no_markup(tmp_path):
    path = make_run(tmp_path / "<img src=x>").path
    html = open_report(path, make_run(tmp_path / "<b>").path)._repr_html_()
    assert "<img" not in html
    assert "<b>" not in html


def test_a_report_and_a_run_are_told_in_a_few_lines(run, tmp_path):
    report = open_report(run.path, run.path)  # each run once
    assert repr(report).startswith("report of 1 run\n")
    assert set(report.to_frame().run) == {run.path.name}
    assert report.save_page(tmp_path / "page.html").stat().st_size > 10_000
    assert len(repr(open_run(run.path))) < 300
    assert str(run.path) in repr(open_run(run.path))
    with pytest.raises(XTransplantError):
        open_report(tmp_path / "nothing")
