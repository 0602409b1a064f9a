"""What a dataset gives as the right answer is read as it is meant, or refused."""

import pytest

from xtransplant.tasks.gold import read_index, read_mark, read_shares, read_texts, read_truth

MARKS = ("1", "2", "3")
TRUTH = ("true", "false")


@pytest.mark.parametrize(
    ("read", "value", "gold"),
    [
        (read_mark(*MARKS), "2", (("2",), MARKS)),
        (read_mark(*MARKS), 2, (("2",), MARKS)),
        (read_index(*MARKS), 2, (("3",), MARKS)),
        (read_truth, True, (("true",), TRUTH)),
        (read_truth, "FALSE", (("false",), TRUTH)),
        (read_shares, [0.4, 0.4, 0.2], (("A",), ("A", "B", "C"))),
        (read_shares, [0.1, 0.9], (("B",), ("A", "B"))),
        (read_texts, "Riga", (("Riga",), ())),
        (read_texts, ["Riga", "Rīga"], (("Riga", "Rīga"), ())),
    ],
)
def test_answers_are_read(read, value, gold):
    assert read(value) == gold


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (read_mark(*MARKS), "4", "'4' is not 1, 2 or 3"),
        (read_index(*MARKS), 3, "3 is not 0, 1 or 2"),
        (read_index(*MARKS), None, "None is not 0, 1 or 2"),
        (read_truth, "maybe", "'maybe' should be true or false"),
        (read_shares, [1.0], "a share for each option"),
        (read_shares, "A", "a share for each option"),
        (read_texts, [], r"\[\] is no text"),
        (read_texts, ["a", " "], "is no text"),
    ],
)
def test_what_is_no_answer_is_said(read, value, said):
    with pytest.raises(ValueError, match=said):
        read(value)
