"""A fit is of its function and all that this uses: what changes there is refused, by its name."""

import sys

import pytest
from fits_made import made_fit
from tiny import tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load
from xtransplant.engine.ask.variants import existing_pairs, shape_of
from xtransplant.errors import MissingSite

TEXT = '''
"""A comment about the whole."""
import functools
import torch
import beside
from beside import shift
from xtransplant import strategy
from xtransplant.strategies import fitted

SCALE = 2.0
LANGS = {"sw", "en"}
TABLE = {"a": 1, "b": [1, 2]}
LONG = list(range(100))
NUMBERS = torch.ones(2)
UNUSED = 1


def deep(rows):
    return rows * SCALE


def helper(rows, more=LONG):
    return [deep(one) for one in [rows]][0]


class Kind:
    def number(self):
        return TABLE["a"]


halved = functools.partial(helper, more=3)


@fitted("ffn")
def made(stats, share: float = 0.5):
    def inner(lang):
        return halved(stats.mean(lang)) + Kind().number() * NUMBERS.sum() * 0

    return {"v": {lang: shift(inner(lang)) + beside.zero() for lang in LANGS}}


@strategy("mine", fit=made)
def mine(source, target, i, j, fit):
    target.ffn[j] = target.ffn[j] + fit["v"]["sw"][j]
'''
BESIDE = (
    "ZERO = 0\n\n\ndef zero():\n    return ZERO\n\n\ndef shift(rows):\n    return rows + ZERO\n"
)


@pytest.fixture(scope="module")
def model():
    return load(tiny_checkpoint("llama"))


@pytest.fixture
def write(write, tmp_path, monkeypatch):
    """Write the strategy and the module beside it, as if in another process."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_both(text=TEXT, other=BESIDE):
        sys.modules.pop("beside", None)
        (tmp_path / "beside.py").write_text(other)
        return str(write(text))

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write_both
    sys.modules.pop("beside", None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("SCALE = 2.0", "SCALE = 3.0", "with SCALE = 2.0, which is 3.0 now (used by"),
        ("rows * SCALE", "SCALE * rows", "with another version of deep (used by"),
        ('{"sw", "en"}', '{"sw", "hi"}', "which is {'hi', 'sw'} now"),
        ("[1, 2]}", "[1, 3]}", "'b': [1, 2]}, which is {'a': 1, 'b': [1, 3]} now"),
        ("range(100)", "range(101)", "with another version of helper(more)"),
        ("torch.ones(2)", "torch.zeros(2)", "with NUMBERS = [2] [1.0, 1.0]"),
        ('TABLE["a"]', 'TABLE["a"] + 1', "with another version of Kind"),
        ("more=3", "more=4", "{'more': 3}), which is partial (helper, (), {'more': 4}) now"),
        ("[0]\n", "[-1] + UNUSED - 1\n", "without UNUSED"),
        ("* SCALE", "* 2.0", "with SCALE, which is not there now"),
        ("shift(inner(lang))", "inner(lang)", "another version of the function that fits mine"),
    ],
)
def test_what_a_fit_uses_and_that_changes_is_named(write, model, tmp_path, old, new, words):
    fit = made_fit(model, write(), tmp_path / "fit")
    assert old in TEXT
    path = write(TEXT.replace(old, new))
    with pytest.raises(XTransplantError) as caught:
        find_strategy(path).with_options({"fit": fit})
    said = str(caught.value)
    assert "\n" not in said
    assert words in said
    assert f"fit anew: xtp fit {path} " in said


def test_of_a_local_module_too(write, model, tmp_path):
    fit = made_fit(model, write(), tmp_path / "fit")
    chosen = find_strategy(write(other=BESIDE.replace("rows + ZERO", "ZERO + rows")))
    with pytest.raises(XTransplantError, match=r"with another version of (beside|shift)"):
        chosen.with_options({"fit": fit})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A comment about", "Something else about"),
        ("UNUSED = 1", "UNUSED = 2  # said otherwise"),
        ("target.ffn[j] + fit", "target.ffn[j] + 0.5 * fit"),
        ("import torch\n", "import torch\n\n\ndef unused():\n    return SCALE\n\n\n"),
    ],
)
def test_what_it_does_not_use_may_change(write, model, tmp_path, old, new):
    fit = made_fit(model, write(), tmp_path / "fit")
    assert old in TEXT
    chosen = find_strategy(write(TEXT.replace(old, new))).with_options({"fit": fit})
    assert chosen.fit.path == fit


@pytest.mark.parametrize("where", ["j + 1", "j - 1"])
def test_a_layer_that_the_fit_has_not_is_a_pair_that_is_not_there(write, model, tmp_path, where):
    path = write(TEXT.replace('["sw"][j]', f'["sw"][{where}]'))
    chosen = find_strategy(path).with_options({"fit": made_fit(model, path, tmp_path / "fit")})
    last = model.n_layers - 1
    gone = last if where == "j + 1" else 0
    found = existing_pairs(model, chosen, [(0, j) for j in range(model.n_layers)])
    assert found.pairs == [(0, j) for j in range(model.n_layers) if j != gone]
    assert f"fit.v[sw][{where}]: there is no layer" in found.note
    beyond = find_strategy(write(TEXT.replace('["sw"][j]', f'["sw"][{last} + 1]')))
    bound = beyond.with_options({"fit": made_fit(model, path, tmp_path / "other")})
    with pytest.raises(MissingSite, match=f"there is no layer {last + 1}"):
        existing_pairs(model, bound, [(0, 0)])


def test_layer_pairs_share_what_they_read_of_a_fit(write, model, tmp_path):
    chosen = find_strategy("incline").with_options({"fit": made_fit(model, "incline", tmp_path)})
    chosen = chosen.for_languages("en", "sw")
    shape = shape_of(model)
    found = [chosen.edits(shape, i, j)[0].value.fixed() for i, j in ((0, 1), (3, 1), (3, 2))]
    assert found[0][0] is found[1][0]
    assert found[0][0] != found[2][0]
