"""Grids in the terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from xtransplant.grid.frame import grid_json
from xtransplant.grid.plot import plot_grid
from xtransplant.grid.terminal import render_grid
from xtransplant.prompts import Key


def shown(grid, width=80, *, terminal=True, colour=False, metric="probability"):
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, highlight=False,
        color_system="truecolor" if colour else None, soft_wrap=not terminal,
    )  # fmt: skip
    console.print(render_grid(grid, metric))
    return console.file.getvalue()


def test_it_says_prompts_answers_best_pair_and_cost(made):
    text = shown(made(4))
    for words in (
        "source (en)\n  How many?",
        "target (ar)\n  كم عدد الجسور؟",
        "without a transplant it answers (50.0%) “ 17”",
        "and gives 10.0% to the answer “ 42”",
        "best pair 3→0: the answer has 90.0% (+80.0 points); it answers “ 42”",
        "16 layer pairs packed into one sequence: 2 forward passes, 0.50 s",
    ):
        assert words in text


@pytest.mark.parametrize("faint", [8, 9, 15])
def test_where_most_cells_read_nought_it_names_what_tells_them_apart(made, faint):
    grid = made(4)
    logprobs = grid.scores.logprobs.copy()
    logprobs[:faint, 0] = np.log(4e-4)
    logprobs[faint:, 0] = np.log(0.2)
    grid = replace(grid, scores=replace(grid.scores, logprobs=logprobs))
    assert shown(grid).count("  0.0") == faint
    assert ("--metric logprob" in shown(grid)) is (faint > 8)
    assert "--metric" not in shown(grid, metric="logprob")


def test_the_best_cell_shows_without_colour(made):
    assert "*90.0" in shown(made(4))
    assert "\x1b" not in shown(made(4), terminal=False)


def test_gains_and_losses_have_colours_of_their_own(made):
    text = shown(made(4), colour=True)
    assert "48;2;179;88;6m *90.0" in text  # orange: the greatest gain
    assert "48;2;216;218;235m   1.0" in text  # purple: a small loss


@pytest.mark.parametrize("n", [1, 4, 12, 32, 80, 130])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_grid_fits_the_terminal(made, n, width):
    lines = shown(made(n), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert any("*" in line and "best" not in line for line in lines)


def test_a_compressed_grid_says_so(made):
    assert "a cell is the best of 2 x 2" in " ".join(shown(made(80), 80).split())
    assert "a cell is the best" not in shown(made(80), 80, terminal=False)


def test_tiny_probabilities_keep_their_digits(made):
    text = shown(made(4, scale=1e-9))
    assert "in units of 1e-11" in text
    assert "*90.0" in text


@pytest.mark.parametrize("scale", [1.0, 1e-4])
@pytest.mark.parametrize("n", [4, 12, 16, 24, 32, 80])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_speaks_of_one_unit(made, n, width, scale):
    """A grid once said "in units of 1e-04" above and "tenths of the highest" below."""
    text = " ".join(shown(made(n, scale=scale), width).split())
    units = ["in percent", "in units of 1e-", "in tenths of the highest"]
    said = [unit for unit in units if unit in text]
    assert len(said) == 1
    assert text.count("tenths") == (said == units[2:])


def test_cells_that_are_not_finite_are_marked_and_counted(made):
    for grid in (made(4, bad=(0, 5, 6)), made(4, bad=(0, 5, 6), scored=False, generated=True)):
        text = shown(grid)
        assert "3 of 16 cells are not finite; another --dtype helps: bfloat16 or float32" in text
        assert "× not finite" in text
        assert text.count("×") == 4
        assert "nan" not in text.lower()
        assert "best pair 3→0" in text
    assert "3 0→0, 1→1-2 (not finite)" in " ".join(text.split())
    assert "1 of 16 cells is not finite" in shown(made(4, bad=(3,)))
    everything = shown(made(4, bad=tuple(range(16))))
    assert "16 of 16 cells are not finite" in everything
    assert "nan" not in everything.lower()
    assert "not finite" not in shown(made(4))


def test_a_strategy_that_changes_nothing_is_named(made):
    text = " ".join(shown(made(4, unchanged=True)).split())
    assert (
        "attn-swap changes nothing: every log-probability is the target's own to the bit, in all "
        "16 cells" in text
    )
    said = " ".join(shown(made(4, scored=False, generated=True, unchanged=True)).split())
    assert "every text, and its first probability, is the target's own" in said
    assert "changes nothing" not in shown(made(4, unchanged=True, strategy="none"))
    assert "changes nothing" not in shown(made(4))


def test_the_caption_says_by_which_rule(made):
    for key, words in (
        (None, "✓ where the output begins with the answer, by rule begins"),
        (Key(("42",), rule="contains"), "✓ where the output contains the answer, by rule contains"),
    ):
        assert words in shown(made(3, scored=False, generated=True, key=key))


def test_outputs_are_counted_with_the_pairs_that_give_them(made):
    text = shown(made(3, scored=False, generated=True))
    assert "    7  0→0, 0→2, 1→0-2, 2→1-2 =“ 17 no”" in text
    assert "    1  2→0" in text
    assert "best pair 2→0: it answers “ 42. yes”" in text
    assert text.count("✓") == 2  # one cell, and the line that explains it


def test_markup_and_control_characters_are_shown_and_not_obeyed(made):
    text = shown(made(3, generated=True, source="[red]a[/red]\x1b[2J\nb", target="x\u202ey\x07"))
    assert "  [red]a[/red]\\x1b[2J\n  b" in text
    assert "  x\\u202ey\\x07" in text
    assert "[bold]x[/bold] \\x1b[31mred\\x1b[0m\\n\\u202eback" in text


def test_names_are_shown_and_not_obeyed_on_screen_picture_and_in_json(made):
    grid = made(2, generated=True)
    names = {f"{side}_lang": f"{side}\x1b[2J" for side in ("source", "target")}
    grid = replace(
        grid, model="/models/ma\u202eker/sm\x9ball", example=replace(grid.example, **names)
    )
    text = shown(grid, 120)
    assert "source (source\\x1b[2J)" in text
    assert "source\\x1b[2J → target\\x1b[2J" in text
    assert "ma\\u202eker/sm\\x9ball" in text
    title = plot_grid(grid).get_suptitle()
    for said in (text, title, grid_json(grid)):
        assert said.replace("\n", "").isprintable()
    assert json.loads(grid_json(grid))["model"] == grid.model


def test_a_long_prompt_is_cut_in_the_middle(made):
    text = shown(made(2, source="begin " + "word " * 900 + "end?"))
    assert "characters not shown" in text
    assert "end?" in text
    assert len(text) < 5000


def test_why_variants_ran_in_rows_is_said(made):
    text = shown(made(2, note="ALiBi [counts]"))
    assert "4 layer pairs, one per row" in text
    assert "note: ALiBi [counts]" in text


def test_without_an_answer_it_shows_what_changes(made):
    text = shown(made(2, answer=None, candidates=()))
    assert "✓ where the answer is another than without a transplant" in text
    assert "best pair" not in text
