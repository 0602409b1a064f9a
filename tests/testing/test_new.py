"""``xtp new``: what it writes works at once, as a file that pytest runs."""

import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.testing.new import write_strategy

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("raw", [False, True], ids=["recorded", "raw"])
def test_what_it_writes_passes_its_own_test(pytester, raw):
    path, test = write_strategy("my-idea", pytester.path, raw=raw)
    assert (path.name, test.name) == ("my_idea.py", "test_my_idea.py")
    assert find_strategy(str(path)).raw == raw
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)
    if not raw:
        # And fails once the strategy is another than it says.
        path.write_text(path.read_text().replace("weight * source", "2 * source"))
        ran = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
        ran.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../escape", "letters, digits and hyphens"),
        ("two words", "letters, digits and hyphens"),
        ("9lives", "letters, digits and hyphens"),
        ("class", "letters, digits and hyphens"),
        ("", "letters, digits and hyphens"),
        ("a--b", "letters, digits and hyphens"),
        ('x"+y', "letters, digits and hyphens"),
        ("attn-swap", "is a strategy already"),
        ("torch", "would hide the module torch"),
        ("random", "would hide the module random"),
    ],
)
def test_names_that_are_none_or_taken(name, words, tmp_path):
    with pytest.raises(XTransplantError, match=words):
        write_strategy(name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["mine.py", "test_mine.py"])
def test_nothing_is_written_over(there, tmp_path):
    (tmp_path / there).write_text("precious")
    with pytest.raises(XTransplantError, match=rf"{there}' is there already"):
        write_strategy("mine", tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_a_folder_that_cannot_be_written_to(tmp_path):
    with pytest.raises(XTransplantError, match="cannot write"):
        write_strategy("mine", tmp_path / "missing")
