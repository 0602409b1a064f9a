"""``xtp new``: what it writes works at once, as a file that pytest runs."""

import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.testing import check_strategy, formula, with_fit
from xtransplant.testing.new import kind_of, write_strategy

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("kind", ["recorded", "fitted", "raw"])
def test_what_it_writes_passes_its_own_test(pytester, kind):
    path, test = write_strategy("my-idea", pytester.path, kind)
    assert (path.name, test.name) == ("my_idea.py", "test_my_idea.py")
    found = find_strategy(str(path))
    assert (found.raw, found.is_fitted) == (kind == "raw", kind == "fitted")
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)
    if kind != "raw":
        # And fails once the strategy is another than it says.
        path.write_text(path.read_text().replace("weight * ", "2 * "))
        ran = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
        ran.assert_outcomes(passed=1, failed=1)


def test_a_formula_is_the_same_with_a_fit(tmp_path):
    path, _ = write_strategy("my-idea", tmp_path, "fitted")
    chosen = with_fit(str(path), tmp_path / "fit", limit=2)
    assert chosen.fit is not None
    # The source's language and the target's are two, whichever example it stands for.
    assert formula(chosen) == formula(str(path))
    (tried,) = [one for one in check_strategy(chosen) if one.name.startswith("self-transplant")]
    assert (tried.status, "fit.mean[source][j]" in tried.why) == ("does not apply", True)


def test_one_kind_at_a_time():
    with pytest.raises(XTransplantError, match="a raw strategy takes no fit"):
        kind_of(fitted=True, raw=True)


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
