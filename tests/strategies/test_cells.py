"""Strategies of a notebook's cells: defined again, each is the one that was defined last."""

import linecache
import types

import pytest

from xtransplant import XTransplantError, transplant
from xtransplant.benchmarks.babel import babel
from xtransplant.strategies import Shape
from xtransplant.strategies.travel import collect_functions, find_concerns
from xtransplant.testing import check_strategy

SHAPE = Shape(n_layers=4, n_heads=4)
HEAD = "from xtransplant import apply, strategy\nSCALE = 2.0\n"
RECORDED = """
@strategy("mine")
def mine(source, target, i, j):
    target.ffn[j] = 0.5 * source.ffn[i]
"""
WITH_HELPER = """
@strategy("mine")
def mine(source, target, i, j):
    target.ffn[j] = apply(helper, source.ffn[i])
"""
HELPER = """
def helper(rows):
    return SCALE * rows
"""
RAW = """
@strategy("mine", raw=True)
def mine(model, i, j):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    model.model.layers[j].mlp.output[0, -1] = 0.5 * value
"""
UPHILL = """
@strategy("mine", raw=True)
def mine(model, i, j):
    output = model.model.layers[i].mlp.output
    output.requires_grad_(True)
    best = model.output.logits[0, -1].max()
    with best.backward():
        slope = 0.5 * output.grad[0, -1].clone()
    yield
    model.model.layers[j].mlp.output[0, -1] += slope
"""


@pytest.fixture
def notebook():
    """Run cells one after the other in one module, as IPython does: no file, lines kept."""
    module = types.ModuleType("__main__")
    names = []

    def run(text, name=None):
        # ipykernel gives each cell the name of a file that is not there.
        name = name or f"/tmp/ipykernel_0/{len(names)}.py"
        names.append(name)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), module.__dict__)
        return getattr(module, "mine", None)

    yield run
    for name in names:
        linecache.cache.pop(name, None)


@pytest.mark.parametrize("text", [RECORDED, RAW, UPHILL], ids=["recorded", "raw", "gradient"])
@pytest.mark.parametrize("name", [None, "<cell>"], ids=["another cell", "the same name"])
def test_defined_again_it_is_another_and_the_same_again_the_same(notebook, text, name, xtp_model):
    example = babel.examples("sw", "en-to-lang", "pilot")[0]
    notebook(HEAD)
    first = notebook(text, name)
    second = notebook(text.replace("0.5", "2.0"), name)
    third = notebook(text, name)
    assert first.source_hash == third.source_hash != second.source_hash
    assert first.origin == (name or "/tmp/ipykernel_0/1.py")

    def scored(chosen):
        grid = transplant(xtp_model, example, chosen, source_layers=[5], target_layers=[2])
        return grid.scores.logprobs.tolist()

    kept, changed = scored(third), scored(notebook(text.replace("0.5", "2.0"), name))
    assert kept != changed
    assert scored(notebook(text, name)) == kept


def test_a_file_that_is_edited_is_read_again(tmp_path, xtp_model):
    # nnsight reads a file that it traces in once a process.
    file = tmp_path / "uphill.py"
    example = babel.examples("sw", "en-to-lang", "pilot")[0]
    found = []
    for factor in ("0.5", "2.0", "0.5"):
        file.write_text(HEAD + UPHILL.replace("0.5", factor))
        grid = transplant(xtp_model, example, str(file), source_layers=[5], target_layers=[2])
        found.append(grid.scores.logprobs.tolist())
    assert found[0] == found[2] != found[1]


def test_what_its_function_names_counts(notebook):
    notebook(HEAD)
    notebook(HELPER)
    before = notebook(WITH_HELPER).source_hash
    assert notebook(WITH_HELPER).source_hash == before
    notebook(HELPER.replace("SCALE *", "-SCALE *"))
    other = notebook(WITH_HELPER).source_hash
    notebook("SCALE = 3.0\n")
    third = notebook(WITH_HELPER).source_hash
    notebook("UNUSED = 3.0\n")
    assert len({before, other, third}) == 3
    assert notebook(WITH_HELPER).source_hash == third


@pytest.mark.parametrize("text", [WITH_HELPER, RAW], ids=["recorded", "raw"])
def test_it_travels_by_the_lines_of_its_cell(notebook, text, xtp_model):
    notebook(HEAD + HELPER)
    found = {one.name: one for one in check_strategy(notebook(text), xtp_model)}
    assert found["travels to NDIF"].status == "ok", found["travels to NDIF"].why
    assert not [one for one in found.values() if one.status == "failed"]
    forbidden = text.replace("helper, ", "lambda x: x.weight, ").replace("0.5 *", "model.weight *")
    (concern,) = find_concerns(collect_functions([notebook(forbidden).variant(SHAPE, 1, 2)]))
    assert concern.path.startswith("/tmp/ipykernel_0/")


def test_its_errors_have_the_line_of_the_cell(notebook, xtp_model):
    notebook(HEAD)
    broken = notebook(RECORDED.replace("source.ffn[i]", "nothing"))
    with pytest.raises(XTransplantError, match=r"ipykernel_0/1.py line 4: NameError"):
        broken.edits(SHAPE, 1, 2)
    raw = notebook(RAW.replace("0.5 * value", "nothing"))
    example = babel.examples("sw", "en-to-lang", "pilot")[0]
    with pytest.raises(XTransplantError, match=r"ipykernel_0/2.py line 6: NameError"):
        transplant(xtp_model, example, raw, source_layers=[5], target_layers=[2])


@pytest.mark.parametrize("text", [RECORDED, RAW], ids=["recorded", "raw"])
def test_at_a_prompt_that_keeps_no_lines(text):
    def typed(one):
        names = {"__name__": "__main__"}
        exec(compile(HEAD + one, "<stdin>", "exec"), names)
        return names["mine"]

    first, second = typed(text), typed(text.replace("0.5", "2.0"))
    assert first.source_hash == typed(text).source_hash != second.source_hash
    (function,) = collect_functions([typed(RAW).variant(SHAPE, 1, 2)])
    assert "has no source" in find_concerns([function])[0].what
