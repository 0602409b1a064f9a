"""A grid that is saved and loaded is the same grid."""

import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import EXAMPLE
from untrusted import TEXTS

from xtransplant import Grid, XTransplantError, transplant
from xtransplant.engine.outcome import TokenCertainty
from xtransplant.prompts import Key


def same(a, b):
    """Whether two values are of one type and equal, arrays and what is not a number included."""
    if type(a) is not type(b):
        return False
    if is_dataclass(a):
        return all(same(getattr(a, one.name), getattr(b, one.name)) for one in fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def there_and_back(grid, folder):
    grid.save(folder / "grid.json")
    return Grid.load(folder / "grid.json")


@pytest.mark.parametrize("generated", [True, False])
def test_every_field_of_a_real_grid_comes_back(llama, tmp_path, generated):
    grid = transplant(
        llama, EXAMPLE, "attn-ffn-swap", generations=generated, max_new_tokens=2
    ).by("rank")  # fmt: skip
    found = there_and_back(grid, tmp_path)
    assert same(found, grid)
    assert found.scores.writes is not None
    assert (found.strategy, found.metric) == ("attn-ffn-swap", "rank")
    assert repr(found) == repr(grid)
    assert found.to_dict() == grid.to_dict()
    assert found.to_frame().equals(grid.to_frame())
    assert found._repr_html_() == grid._repr_html_()


def test_what_is_not_finite_comes_back_to_the_bit(made, tmp_path):
    grid = made(3, generated=True, bad=(4,), key=Key((" 42",), ("1", "2"), rule="begins"))
    grid.scores.logprobs[0, 1], grid.scores.logprobs[1, 0] = -np.inf, np.inf
    sure = ((TokenCertainty(-np.inf, np.nan),),) * 10
    grid = replace(
        grid, generations=replace(grid.generations, certainty=sure), fitted_on=("lape",), note="n"
    )
    assert same(there_and_back(grid, tmp_path), grid)
    json.loads((tmp_path / "grid.json").read_text(), parse_constant=pytest.fail)


@settings(max_examples=30, deadline=None)
@given(st.tuples(TEXTS, TEXTS, TEXTS))
def test_any_text_comes_back(made, tmp_path_factory, texts):
    source, target, note = texts
    grid = made(2, source=source, target=target, note=note, generated=True)
    assert same(there_and_back(grid, tmp_path_factory.mktemp("saved")), grid)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda it: it.pop("saved"), "an older xtransplant's"),
        (lambda it: it["saved"].update(format=2), "of format 2"),
        (lambda it: it.update(swept={}), "has a sweep"),
        (lambda it: it["saved"]["grid"].pop("note"), "damaged: grid has not the fields of a Grid"),
        (lambda it: it["saved"]["grid"].update(model=3), "damaged: grid.model is 3"),
        (lambda it: it["saved"]["grid"].update(metric="best"), "damaged: grid.metric is 'best'"),
        (lambda it: it["saved"]["grid"].update(scores=None), "neither scores nor texts"),
        (lambda it: it["saved"]["grid"].update(target_layers=[0]), "for 2 layer pairs"),
        (lambda it: it["saved"]["grid"]["scores"]["vanilla"].update(dtype="object"), "of 'object'"),
        (lambda it: it["saved"]["grid"]["scores"]["vanilla"].update(values=["x"]), "damaged: "),
        (lambda it: it["saved"].update(grid=[]), "damaged: grid has not"),
    ],
)
def test_what_is_no_grid_of_this_format_is_refused_in_a_line(made, tmp_path, change, says):
    path = tmp_path / "grid.json"
    made(2).save(path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(XTransplantError) as raised:
        Grid.load(path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "text", "says"), [
    ("grid.csv", "a,b", "a grid's table alone"), ("grid.json", "{", "cut off"),
    ("grid.json", "[1]", "no grid to load"), ("none.json", None, "cannot read"),
])  # fmt: skip
def test_other_files_are_refused(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(XTransplantError, match=says):
        Grid.load(tmp_path / name)
