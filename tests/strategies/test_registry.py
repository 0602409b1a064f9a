"""Strategies by name, by file, and their options."""

import pickle
import sys

import cloudpickle
import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.backends.ndif.jobs import job_digest
from xtransplant.strategies import Shape, strategy_names
from xtransplant.strategies.registry import FILE_MODULE
from xtransplant.strategies.travel import concerns, functions_of

SHAPE = Shape(n_layers=4, n_heads=4)
GOOD = """
from xtransplant import strategy

@strategy("mine")
def mine(source, target, i, j, weight: float = 0.5):
    target.ffn[j] = weight * source.ffn[i]
"""
SECOND = """
@strategy("other")
def other(source, target, i, j):
    target.attn[j] = source.attn[i]
"""


def write(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


def test_every_builtin_records_and_says_how_to_run_it():
    names = strategy_names()
    assert {"attn-swap", "attn-swap-official", "blend", "ffn-swap", "head-swap", "none",
            "resid-swap"} <= set(names)  # fmt: skip
    for name in names:
        strategy = find_strategy(name)
        assert strategy.edits(SHAPE, 1, 2)
        assert f"xtp trace --strategy {name}" in strategy.doc
        assert strategy.name == name


def test_a_file_is_run_by_its_path(tmp_path):
    strategy = find_strategy(str(write(tmp_path, GOOD))).with_options({"weight": "2"})
    assert [str(edit) for edit in strategy.edits(SHAPE, 1, 2)] == [
        "target.ffn[j] = 2 * source.ffn[i]"
    ]
    assert str(strategy) == "mine(weight=2.0)"


def test_one_of_several_in_a_file_is_named(tmp_path):
    path = write(tmp_path, GOOD + SECOND)
    assert find_strategy(f"{path}:other").name == "other"
    with pytest.raises(XTransplantError, match="choose one"):
        find_strategy(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all", r"mine.py line 1 fails to import: ModuleNotFoundError"),
        ("x = 1", "defines no strategy"),
        ("\n\ndef (:", "line 3 is no Python: invalid syntax"),
        (GOOD.replace("weight: float", "weight"), "needs a type and a default"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, words):
    with pytest.raises(XTransplantError, match=words):
        find_strategy(str(write(tmp_path, text)))


def test_a_missing_file_and_an_unknown_name():
    with pytest.raises(XTransplantError, match=r"no strategy file 'nowhere.py'"):
        find_strategy("nowhere.py")
    with pytest.raises(XTransplantError, match="nearest: ffn-swap"):
        find_strategy("fn-swap")


def test_a_strategy_that_fails_says_where(tmp_path):
    broken = GOOD.replace("weight * source.ffn[i]", "undefined_name")
    strategy = find_strategy(str(write(tmp_path, broken)))
    with pytest.raises(XTransplantError, match=r"line 6: NameError"):
        strategy.edits(SHAPE, 0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": "much"}, "should be a number"),
        ({"site": "mlp"}, "should be one of attn, ffn"),
        ({"wieght": "1"}, r"no option 'wieght' \(nearest: weight\)"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(XTransplantError, match=words):
        find_strategy("blend").with_options(options)


def test_a_raw_strategy_keeps_its_options_and_records_nothing(tmp_path):
    text = """
from xtransplant import strategy

@strategy("mine", raw=True)
def mine(model, i, j, weight: float = 0.5, times: int = 2):
    yield
"""
    raw = find_strategy(str(write(tmp_path, text))).with_options({"weight": "2"})
    script = raw.variant(SHAPE, 1, 2)
    assert (script.i, script.j) == (1, 2)
    assert dict(script.options) == {"weight": 2.0, "times": 2}
    assert script.name == "mine(weight=2.0)"
    with pytest.raises(XTransplantError, match="records no edits"):
        raw.edits(SHAPE, 1, 2)
    write(tmp_path, text.replace("    yield", "    pass"))
    with pytest.raises(XTransplantError, match=r"mine has no yield; write one"):
        find_strategy(str(tmp_path / "mine.py"))


def test_options_do_not_leak_into_the_registered_strategy():
    find_strategy("blend").with_options({"weight": 0.25})
    assert find_strategy("blend").values == ()


TWIN = """
from xtransplant import apply, strategy

SCALE = {scale}

class Bend:
    def __call__(self, x):
        {body}
        return x * SCALE

def bend(x):
    return x * SCALE

@strategy("{name}")
def mine(source, target, i, j):
    target.ffn[j] = apply(Bend() if {scale} > 5 else bend, source.ffn[i])
"""


def twins(tmp_path, *scales):
    """Files of one name in folders of their own, the same but for a number beside the function."""
    found = []
    for scale in scales:
        folder = tmp_path / str(scale)
        folder.mkdir()
        body = "import pandas" if scale == 7 else "pass"
        path = write(folder, TWIN.format(scale=scale, body=body, name=f"by {scale}"))
        found.append(find_strategy(str(path)))
    return found


def test_two_files_of_one_name_are_two_modules(tmp_path):
    strategies = twins(tmp_path, 2, 3)
    modules = [one.function.__module__ for one in strategies]
    assert len(set(modules)) == 2
    for one, module in zip(strategies, modules, strict=True):
        assert module.startswith(FILE_MODULE)
        assert sys.modules[module].mine is one
        assert sys.modules[module].__file__ == one.origin
    # Wherever it is read from, a file is one module: its jobs are known again.
    again = find_strategy(f"{tmp_path}/3/../2/mine.py")
    assert again.function.__module__ == modules[0]


def test_functions_of_two_files_of_one_name_are_each_its_own(tmp_path):
    functions = [functions_of([one.edits(SHAPE, 1, 2)])[0] for one in twins(tmp_path, 2, 3)]
    assert [function(10.0) for function in functions] == [20.0, 30.0]
    modules = {sys.modules[function.__module__] for function in functions}
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        blobs = [cloudpickle.dumps(function) for function in functions]
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    assert [pickle.loads(blob)(10.0) for blob in blobs] == [20.0, 30.0]
    assert len({job_digest(function) for function in functions}) == 2


def test_what_would_not_travel_is_looked_for_in_the_right_file(tmp_path):
    # Of two files of one name, the lines of the one that was read last were looked at for both.
    first, second = twins(tmp_path, 7, 8)
    (concern,) = concerns(functions_of([first.edits(SHAPE, 1, 2)]))
    assert (concern.path, concern.line) == (first.origin, 8)
    assert not concerns(functions_of([second.edits(SHAPE, 1, 2)]))
