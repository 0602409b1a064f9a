"""Grids in Python and in a notebook: a short text, safe HTML, cells and matrices by layer."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from rich.console import Console
from untrusted import TEXTS, acts

from xtransplant import Grid, XTransplantError
from xtransplant.grid.swept import SweptGrid
from xtransplant.prompts import Key


class Page(HTMLParser):
    """Texts and tags of a page; whether each tag that was opened is closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.open, self.tips = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.tips += [value for name, value in attrs if name == "title"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.texts.append(data)


def test_the_text_is_a_few_lines_and_says_what_the_grid_says(made):
    text = repr(made(5, 3))
    assert len(text) < 500
    assert text.splitlines()[0] == "grid of attn-swap, maker/small, en → ar, it-3"
    assert "5 source × 3 target layers, probability of “ 42”" in text
    assert "without a transplant: 10.0%; it answers “ 17”" in text
    assert "best of 15 layer pairs: 4→0, 90.0% (+80.0 points); it answers “ 42”" in text
    assert "1 of 9 cells is not finite" in repr(made(3, bad=(4,)))
    key = Key(("42",))
    assert "it answers “ 42. yes”" in repr(made(3, scored=False, generated=True, key=key))


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_no_text_of_an_example_is_markup_or_acts(made, prompt, answer, name):
    candidates = (answer, answer + "x")
    grid = made(2, source=prompt, target=prompt, candidates=candidates, answer=answer)
    grid = replace(grid, strategy=name, note=name)
    plain, page = Page(made(2, note="n")._repr_html_()), Page(grid._repr_html_())
    assert set(page.tags) <= {*plain.tags, "b"}
    assert not [text for text in page.texts + page.tips if acts(text)]
    assert not acts(repr(grid))


def test_a_heatmap_has_a_cell_per_pair_and_frames_the_best(made):
    grid = made(3, 4)
    html = grid._repr_html_()
    assert html.count("<td") == 12
    (best,) = re.findall(r'<td class="[^"]*best"[^>]*>([^<]*)<', html)
    assert float(best) == pytest.approx(100 * grid.best().probability, abs=0.05)
    assert "2→0: 90.0, answers “ 42”" in html
    assert "prefers-color-scheme:dark" in html
    assert "<div class=prompt dir=auto>كم" in html


@pytest.mark.parametrize(("answer", "said"), [(" 17", False), (" 42", True)])
def test_the_source_is_right_in_its_own_spelling(made, answer, said):
    grid = made(2, answer=answer)
    grid = replace(grid, example=replace(grid.example, source_candidates=(" a", " b", " c")))
    terminal = Console(file=StringIO(), width=120)
    terminal.print(grid)
    for shown in (terminal.file.getvalue(), grid._repr_html_()):
        source = re.sub(r"<[^>]+>", "", shown).partition("target (ar)")[0]
        assert "“ b”" in source  # what it answers
        assert ("“ a”" in source) is ("gives 10.0% to" in source) is said
        assert f"“{answer}”" not in source


def test_of_many_layers_the_numbers_are_left_out(made):
    assert ">30<" not in made(26)._repr_html_().partition("<tbody>")[2].replace("<th", "")
    assert len(made(40)._repr_html_()) < 400_000


def test_a_cell_is_got_by_its_layers(made):
    whole = made(3, 4, generated=True, bad=(5,))
    grid = replace(whole, source_layers=(2, 5, 7), target_layers=(0, 1, 2, 3))
    for cell in grid.cells:
        own = grid[cell.source_layer, cell.target_layer]
        assert (own.source_layer, own.output) == (cell.source_layer, cell.output)
        at = grid.source_layers.index(own.source_layer), own.target_layer
        np.testing.assert_equal(own.probability, grid.matrix()[at])
        np.testing.assert_equal(own.probability, grid.probabilities()[at])
    assert np.isnan(grid[5, 1].probability)
    assert made(2, scored=False, generated=True)[0, 1].probability is None
    with pytest.raises(XTransplantError, match=r"source layers 2, 5, 7, target layers 0-3$"):
        grid[0, 0]
    with pytest.raises(XTransplantError, match=r"grid\[3\] is no layer pair"):
        grid[3]
    with pytest.raises(TypeError):
        iter(grid)


def test_a_matrix_is_of_the_answer_alone(made):
    grid = made(3, 4, bad=(5,))
    logprobs = grid.matrix("logprob")
    assert (logprobs.shape, logprobs.dtype) == ((3, 4), np.float64)
    assert np.isnan(logprobs[1, 1])
    np.testing.assert_allclose(np.exp(logprobs), grid.matrix())
    np.testing.assert_array_equal(grid.by("rank").matrix(), grid.matrix("rank"))
    with pytest.raises(XTransplantError, match="metric 'odds'"):
        grid.matrix("odds")
    with pytest.raises(XTransplantError, match="candidates and an answer"):
        made(2, answer=None).matrix()


def test_frames_of_several_grids_can_be_put_together(made):
    frame = made(2).to_frame()
    assert set(frame.model) == {"/models/maker/small"}
    assert set(zip(frame.strategy, frame.source_lang, frame.target_lang, strict=True)) == {
        ("attn-swap", "en", "ar")
    }


def test_a_sweep_shows_itself_and_saves_too(made, tmp_path):
    grids = (made(2, strategy="blend(weight=0)"), made(2, strategy="blend(weight=1)"))
    swept = SweptGrid("blend; weight=0, 1", (("weight", (0, 1)),), grids,
                      ({"weight": 0}, {"weight": 1}))  # fmt: skip
    assert "2 source × 2 target layers × 2 values" in repr(swept)
    assert "best of 8 variants: weight=0, 1→0" in repr(swept)
    assert swept._repr_html_().count("<table") == 2
    for shown in (swept, grids[0]):
        shown.save(tmp_path / "grid.json")
        document = json.loads((tmp_path / "grid.json").read_text())
        assert (document.pop("saved", None) is None) == (shown is swept)
        assert document == shown.to_dict()
        if shown is swept:
            with pytest.raises(XTransplantError, match="has a sweep"):
                Grid.load(tmp_path / "grid.json")
    with pytest.raises(XTransplantError, match="--save"):
        swept.save(tmp_path / "grid.txt")
