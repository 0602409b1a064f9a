"""The matching rules: the paper's to the letter, its neighbours on either side."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.prompts import Key
from xtransplant.tasks.matching import RULES, is_answer, said_option

XNLI = Key(("2",), ("1", "2", "3"), ("Entail", "Neutral", "Contradict"))
FRENCH = Key(("1",), ("1", "2", "3"), ("(1) Entraîner", "(2) Neutre", "(3) Contraire"))
XCOPA = Key(("1",), ("1", "2"))
OPINION = Key(("B",), ("A", "B", "C"))
SPAN = Key(("Rīga",), also=("Riga",))
NUMBER = Key(("25",))
TRUTH = Key(("false",), ("true", "false"), ("True", "False"))

NO, LENIENT, MATCH, STRICT = (
    (False, False, False), (False, False, True), (False, True, True), (True, True, True)
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "key", "output", "verdict"),
    [
        ("choice", XNLI, " (2) Neutral", STRICT),
        ("choice", XNLI, "（2）", STRICT),
        ("choice", XNLI, " 2 ", STRICT),
        ("choice", XNLI, " I would say (2)", MATCH),
        ("choice", XNLI, "Neutral.", MATCH),
        ("choice", XNLI, " (2) or (3)", LENIENT),
        ("choice", XNLI, "option 2, since", LENIENT),
        ("choice", XNLI, "neutral", LENIENT),
        ("choice", XNLI, "٢", LENIENT),
        ("choice", XNLI, " (3), not (2)", NO),
        ("choice", XNLI, "Contradict, hardly Neutral", NO),
        ("choice", XNLI, "", NO),
        ("choice", XNLI, "12", NO),
        ("choice", FRENCH, " (1) Entraîner", STRICT),
        ("choice", FRENCH, " Entraîner", LENIENT),  # the label carries "(1) " in the paper's data
        ("choice", XCOPA, "(1)", STRICT),
        ("choice", XCOPA, "(1) because (2)", LENIENT),
        ("letters", OPINION, " (B) Disapprove", STRICT),
        ("letters", OPINION, "b) or (b)", MATCH),
        ("letters", OPINION, "B", STRICT),
        ("letters", OPINION, "(A) or (B)", NO),
        ("letters", OPINION, "(B), less so (C)", LENIENT),
        ("letters", OPINION, "A question of taste, (B)", MATCH),
        ("contains", SPAN, " Rīga.", STRICT),
        ("contains", SPAN, "the city of rīga", MATCH),
        ("contains", SPAN, "It is Riga", LENIENT),
        ("contains", SPAN, "Vilnius", NO),
        ("contains", Key(("23–16",)), "23-16", LENIENT),
        ("begins", NUMBER, " 25.", STRICT),
        ("begins", NUMBER, "256", MATCH),
        ("begins", NUMBER, "it is 25", LENIENT),
        ("begins", NUMBER, "52", NO),
        ("truth", TRUTH, " False, they do not", STRICT),
        ("truth", TRUTH, "That is false", MATCH),
        ("truth", TRUTH, "false, not true", LENIENT),
        ("truth", TRUTH, "true, not false", NO),
    ],
)  # fmt: skip
def test_verdicts(rule, key, output, verdict):
    found = RULES[rule](output, key)
    assert (found.strict, found.match, found.lenient) == verdict


def paper(rule, output, key):
    """The paper's evaluators once more, from ../shared/data/README.md, written independently."""
    if rule == "contains":
        return key.answers[0].lower() in output.lower()
    text = output.upper() if rule == "letters" else output.replace("（", "(").replace("）", ")")
    hits = set()
    for k, mark in enumerate(key.options):
        label = key.labels[k] if key.labels else None
        lone = output.strip() == mark if rule == "letters" else text.strip() == mark
        if f"({mark})" in text or lone or (label and label in text):
            hits.add(mark)
    return hits == {key.answers[0]}


PIECES = [
    "(1)",
    "(2)",
    "（2）",
    "3",
    "(A)",
    "(b)",
    "B",
    "Neutral",
    "Entail",
    "Rīga",
    " ",
    "\n",
    "x",
]


@pytest.mark.parametrize(
    ("rule", "key"),
    [("choice", XNLI), ("choice", FRENCH), ("choice", XCOPA), ("letters", OPINION),
     ("contains", SPAN)],
)  # fmt: skip
@given(pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=6))
def test_the_middle_level_is_the_papers_rule(rule, key, pieces):
    output = "".join(pieces)
    assert RULES[rule](output, key).match == paper(rule, output, key)


@pytest.mark.parametrize("rule", list(RULES))
@given(pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6))
def test_each_level_takes_what_the_one_before_it_takes(rule, pieces):
    keys = {"choice": XNLI, "letters": OPINION, "contains": SPAN, "begins": NUMBER, "truth": TRUTH}
    found = RULES[rule]("".join(pieces), keys[rule])
    assert found.strict <= found.match <= found.lenient


@pytest.mark.parametrize(
    ("rule", "key", "output", "said"),
    [
        ("choice", XNLI, " (3), not (2)", 2),  # of several the first
        ("choice", XNLI, "not (2)", 1),
        ("choice", XNLI, "Neutral.", 1),
        ("choice", XNLI, "٣", 2),
        ("choice", XNLI, "entail", 0),
        ("choice", XNLI, "（3）", 2),
        ("choice", XNLI, "12", None),
        ("choice", XNLI, "I do not know", None),
        ("letters", OPINION, "A question of taste, (B)", 1),
        ("letters", OPINION, "c. Neither", 2),
        ("letters", OPINION, "Abstain", None),
        ("truth", TRUTH, "That is false", 1),
        ("truth", TRUTH, "neither", None),
        ("contains", XNLI, "it is 3", 2),
        ("begins", NUMBER, "25", None),
    ],
)
def test_the_option_that_a_text_says(rule, key, output, said):
    assert said_option(output, replace(key, rule=rule)) == said


@given(st.text() | st.from_regex(r"\(?[0-4]\)? (entail|Neutral|\(2\))?"), st.sampled_from("123"))
def test_what_is_right_says_the_right_option_and_no_other(output, gold):
    key = replace(XNLI, answers=(gold,), rule="choice")
    verdict = RULES["choice"](output, key)
    if verdict.match:
        assert key.options[said_option(output, key)] == gold
    if verdict.lenient:
        assert is_answer(output, key)


def test_a_free_text_is_an_answer_unless_nothing_is_said():
    assert [is_answer(text, SPAN) for text in ("Vilnius", "7", "中", "...", " \n", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
