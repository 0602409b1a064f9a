"""What would not survive the trip is found, with file and line; what would, is left alone."""

import pytest
from travel_cases import BAD, GOOD, SHAPE, WRAPS, recorded, scripted

from xtransplant import XTransplantError, find_strategy
from xtransplant.strategies.travel import check_travel, collect_functions, find_concerns


@pytest.mark.parametrize("name", BAD)
def test_what_would_not_survive_is_found(tmp_path, name):
    body, function, line, words, silent = BAD[name]
    variants = recorded(tmp_path, body, function)
    (found,) = find_concerns(collect_functions(variants))
    assert words in found.what
    assert (found.line, found.silent) == (line, silent)
    assert str(found).startswith(f"{tmp_path / 'mine.py'}:{line}: ")
    if silent:
        with pytest.raises(XTransplantError, match=words):
            check_travel(variants)
    else:
        check_travel(variants)


@pytest.mark.parametrize("name", GOOD)
def test_what_would_is_left_alone(tmp_path, name):
    assert find_concerns(collect_functions(recorded(tmp_path, *GOOD[name]))) == []


def test_what_a_server_has_is_no_concern(tmp_path):
    functions = collect_functions(recorded(tmp_path, *BAD["missing package"][:2]))
    assert find_concerns(functions, {"torch", "scipy"}) == []


def test_a_recorded_strategy_travels_as_numbers():
    swap = find_strategy("attn-swap")
    assert collect_functions([swap.edits(SHAPE, 0, 1)]) == []


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        (WRAPS, 10, "decorates h"),
        ("import scipy\n\ndef h(x):\n    return scipy.e * x\n", 4, "scipy may not be"),
        ("def h(x):\n    import pandas\n    return x\n", 3, "pandas may not be"),
    ],
)
def test_what_a_raw_strategy_calls_is_looked_at_too(tmp_path, body, line, words):
    variants = scripted(tmp_path, body)
    (found,) = find_concerns(collect_functions(variants))
    assert words in found.what
    assert found.line == line
    if found.silent:
        with pytest.raises(XTransplantError, match=words):
            check_travel(variants)


def test_a_raw_strategy_that_would_survive_is_left_alone(tmp_path):
    assert (
        find_concerns(collect_functions(scripted(tmp_path, "def h(x):\n    return x.clone()\n")))
        == []
    )
