"""Grids as pictures."""

from __future__ import annotations

import warnings

import pytest

from xtransplant import XTransplantError
from xtransplant.grid.plot import plot_grid

STARTS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("suffix", STARTS)
def test_files_are_what_their_suffix_says(made, tmp_path, suffix):
    path = tmp_path / f"grid.{suffix}"
    plot_grid(made(4), path)
    assert path.read_bytes().startswith(STARTS[suffix])


@pytest.mark.parametrize("name", ["grid.gif", "grid", "no/such/grid.png"])
def test_a_place_that_cannot_be_written_is_an_error(made, tmp_path, name):
    with pytest.raises(XTransplantError, match=r"^--plot "):
        plot_grid(made(2), tmp_path / name)


def test_colours_are_centred_on_vanilla(made):
    axes = plot_grid(made(4)).axes[0]
    image = axes.images[0]
    assert image.norm.vmin == -image.norm.vmax
    assert image.get_array()[3, 0] == pytest.approx(80)
    assert image.get_array()[0, 3] == pytest.approx(-9)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("target layer", "source layer")


def test_the_best_pair_is_framed_and_named(made):
    figure = plot_grid(made(4))
    frame = figure.axes[0].patches[0]
    assert (frame.get_x(), frame.get_y()) == (-0.5, 2.5)
    title = figure.get_suptitle()
    for words in ("attn-swap", "maker/small", "en → ar", "best pair 3→0", "90.0%"):
        assert words in title


@pytest.mark.parametrize(
    "options",
    [
        {"n": 80},
        {"n": 1, "m": 32},
        {"n": 3, "scored": False, "generated": True},
        {"n": 3, "scored": False, "generated": True, "answer": None, "candidates": ()},
        {"n": 3, "answer": None, "candidates": ()},
        {"n": 3, "scale": 1e-13},
        {"n": 3, "candidates": ("$x^2 [b]", "七", "सात"), "answer": "$x^2 [b]"},
        {"n": 3, "strategy": "own(" + "long=option, " * 9 + ")"},
    ],
)
def test_every_kind_of_grid_is_drawn_without_warnings(made, tmp_path, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_grid(made(**options), tmp_path / "grid.png")
