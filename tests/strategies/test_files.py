"""A strategy of a file is run by its path, and each file is a module of its own."""

import pickle
import sys

import cloudpickle
import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.backends.ndif.jobs import job_digest
from xtransplant.strategies import Shape
from xtransplant.strategies.files import FILE_MODULE
from xtransplant.strategies.travel import collect_functions, find_concerns

SHAPE = Shape(n_layers=4, n_heads=4)
SECOND = """
@strategy("other")
def other(source, target, i, j):
    target.attn[j] = source.attn[i]
"""


def test_a_file_is_run_by_its_path(write, good):
    strategy = find_strategy(str(write(good))).with_options({"weight": "2"})
    assert [str(edit) for edit in strategy.edits(SHAPE, 1, 2)] == [
        "target.ffn[j] = 2 * source.ffn[i]"
    ]
    assert str(strategy) == "mine(weight=2.0)"


def test_one_of_several_in_a_file_is_named(write, good):
    path = write(good + SECOND)
    assert find_strategy(f"{path}:other").name == "other"
    with pytest.raises(XTransplantError, match="choose one"):
        find_strategy(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all", r"mine.py line 1 fails to import: ModuleNotFoundError"),
        ("x = 1", "defines no strategy"),
        ("\n\ndef (:", "line 3 is no Python: invalid syntax"),
    ],
)
def test_files_that_cannot_be_used(write, text, words):
    with pytest.raises(XTransplantError, match=words):
        find_strategy(str(write(text)))


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


@pytest.fixture
def twins(tmp_path, write):
    """Files of one name in folders of their own, the same but for a number beside the function."""

    def make(*scales):
        found = []
        for scale in scales:
            folder = tmp_path / str(scale)
            folder.mkdir()
            body = "import pandas" if scale == 7 else "pass"
            path = write(TWIN.format(scale=scale, body=body, name=f"by {scale}"), folder)
            found.append(find_strategy(str(path)))
        return found

    return make


def test_two_files_of_one_name_are_two_modules(tmp_path, twins):
    strategies = twins(2, 3)
    modules = [one.function.__module__ for one in strategies]
    assert len(set(modules)) == 2
    for one, module in zip(strategies, modules, strict=True):
        assert module.startswith(FILE_MODULE)
        assert sys.modules[module].mine is one
        assert sys.modules[module].__file__ == one.origin
    # Wherever it is read from, a file is one module: its jobs are known again.
    again = find_strategy(f"{tmp_path}/3/../2/mine.py")
    assert again.function.__module__ == modules[0]


def test_functions_of_two_files_of_one_name_are_each_its_own(twins):
    functions = [collect_functions([one.edits(SHAPE, 1, 2)])[0] for one in twins(2, 3)]
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


def test_what_would_not_travel_is_looked_for_in_the_right_file(twins):
    # Of two files of one name, the lines of the one that was read last were looked at for both.
    first, second = twins(7, 8)
    (concern,) = find_concerns(collect_functions([first.edits(SHAPE, 1, 2)]))
    assert (concern.path, concern.line) == (first.origin, 8)
    assert not find_concerns(collect_functions([second.edits(SHAPE, 1, 2)]))
