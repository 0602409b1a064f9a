"""Stored records are judged as a few lines of Python do that read the rules and nothing else."""

import math
import random

import numpy as np
import pytest

from xtransplant import Example
from xtransplant.bench.judge import judge
from xtransplant.prompts import Key
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.rows import Rows
from xtransplant.tasks.derangements import N_DERANGEMENTS
from xtransplant.tasks.matching import RULES

CANDIDATES = (" aa", " b", " cccc", " dd")
SPELLED = ("aa", "b", "cccc", "dd")  # after the source no space is written
PAIRS = [(0, 1), (1, 0), (1, 1)]


def scored(dice, n=7):
    """Examples, their records by score, and what was said in each row."""
    answers = [dice.choice(CANDIDATES[:3]) for _ in range(n)]
    examples = [
        Example("s", "t", CANDIDATES, answer, f"e{k}", "en", "sw", source_candidates=SPELLED)
        for k, answer in enumerate(answers)
    ]
    rows, said = Rows("score"), []
    for name in (VANILLA, SOURCE, "swap"):
        for k in range(n):
            pairs = PAIRS if name == "swap" else []
            count = len(pairs) or 1
            logprobs = np.array([[dice.uniform(-9, 0) for _ in CANDIDATES] for _ in range(count)])
            texts = SPELLED if name == SOURCE else CANDIDATES
            tops = [dice.choice([*(text[:2] for text in texts), "zz", " "]) for _ in range(count)]
            finite = np.array([dice.random() > 0.2 for _ in range(count)])
            rows.add(
                k, name, pairs, logprobs=logprobs, top_token=tops, finite=finite,
                unchanged=np.zeros(count, dtype=bool),
            )  # fmt: skip
            said += [
                (k, name, logprobs[m].astype(np.float32), tops[m], bool(finite[m]))
                for m in range(count)
            ]
    return examples, rows, said


def by_hand(logprobs, top, finite, texts, gold):
    """Right at the three levels, the long way."""
    if not finite:
        return False, False, False
    likeliest = max(range(len(texts)), key=lambda c: logprobs[c])
    per_character = max(range(len(texts)), key=lambda c: logprobs[c] / len(texts[c]))
    match = likeliest == gold
    begun = bool(top.strip()) and texts[gold].startswith(top)
    return match and begun, match, match or per_character == gold


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_judged_as_by_hand(seed):
    examples, rows, said = scored(random.Random(seed))
    table, records = examples_table(examples, 0, len(examples)), rows.table()
    judged = judge(records, table, "begins").to_pylist()
    others = table["other_answer"].to_pylist()
    assert len(judged) == len(said) > 30
    for (k, name, logprobs, top, finite), found in zip(said, judged, strict=True):
        texts = SPELLED if name == SOURCE else CANDIDATES
        gold = CANDIDATES.index(examples[k].answer)
        assert tuple(found[level] for level in CORRECT) == by_hand(
            logprobs, top, finite, texts, gold
        )
        masks = [0, 0, 0]
        for bit, answer in enumerate(others[k]):
            right = by_hand(logprobs, top, finite, texts, CANDIDATES.index(answer))
            for level in range(3):
                masks[level] |= right[level] << bit
        assert [found[f"other_{level}"] for level in CORRECT] == masks
        assert found["finite"] == finite
        assert found["parsed"] is None
        assert found["chosen"] == (int(np.argmax(logprobs)) if finite else -1)
        if finite:
            rest = max(value for c, value in enumerate(logprobs) if c != gold)
            assert found["margin"] == pytest.approx(logprobs[gold] - rest, abs=1e-5)
        else:
            assert found["margin"] is None or math.isnan(found["margin"])


@pytest.mark.parametrize("rule", ["choice", "contains", "begins"])
@pytest.mark.parametrize("seed", range(3))
def test_texts_are_judged_as_by_hand(rule, seed):
    dice, n = random.Random(seed), 7
    options = ("1", "2", "3") if rule == "choice" else ()
    keys = [
        (
            Key((dice.choice("123"),), options, also=("one",)),
            Key((dice.choice("123"),), options, also=("two",)),
        )
        for _ in range(n)
    ]
    examples = [
        Example("s", "t", (), None, f"e{k}", "en", "sw", own, source)
        for k, (own, source) in enumerate(keys)
    ]
    rows, said = Rows("generate"), []
    for name in (VANILLA, SOURCE, "swap"):
        for k in range(n):
            pairs = PAIRS if name == "swap" else []
            texts = [
                dice.choice(["(1)", "2", " 3 x", "one", "two", "(1) (2)", ""])
                for _ in pairs or [None]
            ]
            finite = np.array([dice.random() > 0.2 for _ in texts])
            unchanged = np.zeros(len(texts), dtype=bool)
            rows.add(k, name, pairs, output=texts, finite=finite, unchanged=unchanged)
            said += [(k, name, *one) for one in zip(texts, finite.tolist(), strict=True)]
    table = examples_table(examples, 0, n)
    judged = judge(rows.table(), table, rule).to_pylist()
    others = table["other_answers"].to_pylist()

    def right(text, key, finite):
        verdict = RULES[rule](text, key)
        return [finite and one for one in (verdict.strict, verdict.match, verdict.lenient)]

    for (k, name, text, finite), found in zip(said, judged, strict=True):
        key = keys[k][name == SOURCE]
        assert [found[level] for level in CORRECT] == right(text, key, finite)
        masks = [0, 0, 0]
        for bit, answers in enumerate(others[k]):
            # What is right in the other language as well says nothing of another's answer.
            theirs = right(text, Key(tuple(answers), options), finite)
            masks = [mask | one << bit for mask, one in zip(masks, theirs, strict=True)]
        assert [found[f"other_{level}"] for level in CORRECT] == masks
        assert found["finite"] == finite
        assert found["parsed"] == (finite and text not in ("", *("one", "two") * bool(options)))
        first = next((k for k, mark in enumerate(options) if mark in text), None)
        assert found["chosen"] == (None if not options else first if found["parsed"] else -1)
    assert max(found["other_match"] for found in judged) < 2**N_DERANGEMENTS


def test_an_example_that_cannot_give_anothers_answer_has_no_null():
    own = [Key(("1",), ("1", "2")), Key(("2",), ("1", "2")), Key(("3",), ("3", "7"))]
    examples = [Example("s", "t", (), None, f"e{k}", "en", "sw", key) for k, key in enumerate(own)]
    rows = Rows("generate")
    for k in range(len(own)):
        rows.add(k, VANILLA, [], output=["1"], finite=[True], unchanged=[False])
    table = examples_table(examples, 0, len(own))
    judged = judge(rows.table(), table, "choice").to_pylist()
    for key, answers, found in zip(own, table["other_answers"].to_pylist(), judged, strict=True):
        possible = all(answer in key.options for (answer,) in answers)
        assert [found[f"other_{level}"] is not None for level in CORRECT] == [possible] * 3
    # The first two offer each other's answers; the third neither of theirs.
    assert [found["other_match"] is not None for found in judged] == [True, True, False]
