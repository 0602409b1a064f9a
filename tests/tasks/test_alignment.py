"""Is the same item asked in both languages? Babel's is; shuffled, shifted, relabelled it is not."""

from dataclasses import replace

import pytest

from xtransplant.benchmarks.babel import babel
from xtransplant.prompts import Example, Key
from xtransplant.tasks.alignment import check_alignment

WORDS = ("river", "mountain", "seventeen", "a", "of", "government", "cat", "interesting")


def items(n=120):
    """Two 'languages' that say the same at the same length, with a number now and then."""
    found = []
    for k in range(n):
        body = " ".join(WORDS[(k * 7 + m * m) % 8] for m in range(3 + (k * 5) % 23))
        number = f" {1000 + k}" if k % 2 else ""
        gold = str(1 + k % 3)
        found.append(
            Example(
                f"Premise: {body}{number}", f"Nguzo: {body[::-1].translate(CIPHER)}{number}",
                key=Key((gold,), ("1", "2", "3")), source_key=Key((gold,), ("1", "2", "3")),
            )
        )  # fmt: skip
    return found


CIPHER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "бвгдежзийклмнопрстуфхцчшщэ")


def shifted(found, start, by=1):
    """From ``start`` on, each target is another row's."""
    targets = [one.target for one in found]
    moved = targets[:start] + targets[start + by :] + targets[start : start + by]
    return [replace(one, target=target) for one, target in zip(found, moved, strict=True)]


@pytest.mark.parametrize("lang", list(babel.languages))
@pytest.mark.parametrize("split", babel.splits)
@pytest.mark.parametrize("direction", ["en-to-lang", "lang-to-en"])
def test_babel_is_aligned(lang, split, direction):
    assert not check_alignment(babel.examples(lang, direction, split)).failed


def test_what_is_aligned_passes():
    found = check_alignment(items())
    assert (found.failed, found.rows, found.n) == (False, (), 120)


def test_labels_that_disagree_are_found_with_their_rows():
    found = items()
    for k in (30, 31, 90):
        found[k] = replace(found[k], key=Key(("9",), ("1", "2", "3")))
    checked = check_alignment(found)
    assert checked.rows == (30, 31, 90)
    assert "3 of 120" in checked.reasons[0]


def test_one_row_in_a_hundred_is_forgiven():
    found = items()
    found[5] = replace(found[5], key=Key(("9",), ("1", "2", "3")))
    assert not check_alignment(found).failed


def test_a_shift_from_the_middle_on_is_found():
    checked = check_alignment(shifted(items(), 60))
    assert checked.failed
    assert min(checked.rows) >= 45
    assert max(checked.rows) == 119


def test_few_rows_say_nothing():
    assert not check_alignment(shifted(items(10), 0)).failed


def facts(n=120, by=0):
    """Facts whose prompts' lengths say nothing; ``by``: each target is a later row's."""
    answers = [("Rome", "Ρώμη"), ("Oslo", "Όσλο"), ("Bern", "Βέρνη"), ("Kyiv", "Κίεβο")]
    return [
        Example(
            "q" * (10 + 7 * (k % 5)), "ξ" * (10 + 9 * (5 - (k + by) % 7)),
            key=Key((answers[(k + by) * (k + by) % 11 % 4][1],)),
            source_key=Key((answers[k * k % 11 % 4][0],)),
        )
        for k in range(n)
    ]  # fmt: skip


def test_answers_in_words_that_go_together_tie_rows_of_which_they_are_a_part():
    assert not check_alignment(facts(), whole_rows=True).failed
    # Where answers lie in a file of their own they say nothing of the prompts.
    assert check_alignment(facts()).failed
    for whole_rows in (True, False):
        assert len(check_alignment(facts(by=1), whole_rows=whole_rows).rows) == 120
