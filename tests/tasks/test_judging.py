"""One definition of right: a grid's and a bench's are held to each other on whatever is said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtransplant import Example, XTransplantError
from xtransplant.bench.judge import judge
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.grid.grid import Grid
from xtransplant.packing import ROWS
from xtransplant.prompts import Key
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.measured import Measured
from xtransplant.runs.rows import Rows
from xtransplant.tasks.judging import choose, judge_text
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.matching import RULES
from xtransplant.tasks.task import Task

OPTIONS, LABELS = ("1", "2", "3"), ("Entail", "Neutral", "Contradict")
KEYS = {
    "choice": Key(("2",), OPTIONS, LABELS),
    "letters": Key(("B",), ("A", "B", "C")),
    "contains": Key(("Rīga", "Riga city"), also=("Riga",)),
    "begins": Key(("25",)),
    "truth": Key(("false",), ("true", "false"), ("True", "False")),
}
PIECES = ["(1)", "(2)", "2", "(B)", "B", "Neutral", "Rīga", "Riga", "25", " ", "True", "False", "x"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
NUMBERS = st.floats(-40, 0, width=32) | st.sampled_from([np.nan, -np.inf, np.inf])


def grid_of(example, *, outputs=(), finite=None, logprobs=None, tops=None):
    """A grid of one source layer, and the part of a run that says the same."""
    n = len(outputs) or len(logprobs)
    scores = generations = None
    pairs = [(0, j) for j in range(n)]
    if logprobs is None:
        generations = Generations(
            tuple(outputs), ((1,),) * n, "", "", ROWS, 1, 1.0, 0.0, tuple(finite), (False,) * n,
            True, True,
        )  # fmt: skip
        rows = Rows("generate")
        rows.add_measured(0, "ffn-swap", pairs, Measured.of_generations(generations, "variants"))
    else:
        zeros = np.zeros(logprobs.shape[1])
        scores = Scores(
            logprobs, zeros, zeros, tuple((top,) for top in tops), np.zeros((n, 1)), ("",), ("",),
            ROWS, 1, 1.0, 0.0, np.zeros(1), np.zeros(1), np.zeros(n, dtype=bool),
        )  # fmt: skip
        rows = Rows("score")
        rows.add_measured(0, "ffn-swap", pairs, Measured.of_scores(scores, "variants"))
    grid = Grid("m", "s", example, (0,), tuple(range(n)), scores, generations, ROWS)
    return grid, rows.table(), examples_table([example], 0, 1)


@pytest.mark.parametrize("rule", list(RULES))
@settings(deadline=None, max_examples=60)
@given(said=st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=6))
def test_texts(rule, said):
    key = replace(KEYS[rule], rule=rule)
    outputs, finite = zip(*said, strict=True)
    grid, records, examples = grid_of(
        Example("s", "t", answer="2", key=key), outputs=outputs, finite=finite
    )
    judged = judge(records, examples, rule)
    for level in CORRECT:
        theirs = judged[level].to_numpy()
        assert (grid.correct(level).ravel() == theirs).all()
        assert not theirs[~np.array(finite)].any()
    # And it is the rule itself that both go by.
    expected = [RULES[rule](text, key).match and ok for text, ok in said]
    assert judged["match"].to_pylist() == expected


@settings(deadline=None)
@given(
    table=st.integers(2, 4).flatmap(
        lambda n: st.lists(
            st.tuples(st.lists(NUMBERS, min_size=n, max_size=n),
                      st.sampled_from([" ", " (", " yes", "yes", ""])),
            min_size=1, max_size=6,
        )
    )
)  # fmt: skip
def test_scores(table):
    logprobs = np.array([row for row, _ in table])
    candidates = (" yes", " (no", " yes, a longer one", "x")[: logprobs.shape[1]]
    example = Example("s", "t", candidates, " yes")
    tops = [top for _, top in table]
    grid, records, examples = grid_of(example, logprobs=logprobs, tops=tops)
    judged = judge(records, examples, "begins")
    finite = np.isfinite(logprobs).all(1)
    assert judged["finite"].to_numpy().tolist() == finite.tolist()
    for level in CORRECT:
        theirs = judged[level].to_numpy()
        assert (grid.correct(level).ravel() == theirs).all()
        assert not theirs[~finite].any()
    for k in np.flatnonzero(finite):
        assert judged["match"][k].as_py() == (logprobs[k].argmax() == 0)
    strict, match, lenient = (judged[level].to_numpy() for level in CORRECT)
    assert (strict <= match).all()
    assert (match <= lenient).all()
    assert np.isnan(judged["margin"].to_numpy()[~finite]).all()


def test_a_task_judges_its_grids_by_its_own_rule():
    """``Grid.correct`` once asked whether a text begins with the answer, whatever the task."""
    sure = replace(KEYS["choice"], rule="letters")
    made = [Example("s", "t", key=KEYS["choice"]), Example("s", "t", answer="25"),
            Example("s", "t", key=KEYS["choice"], source_key=sure)]  # fmt: skip
    task = Task("t", "", "1", "", {"sw": "Swahili"}, "en-to-lang", ("all",),
                lambda *asked: tuple(made), rule="choice")  # fmt: skip
    first, second, third = load_examples(task, "sw").examples
    assert {first.key.rule, second.key.rule, first.source_key.rule} == {"choice"}
    assert third.source_key.rule == "letters"  # what an example says itself stands
    grid, _, _ = grid_of(first, outputs=["I would say (2)", "2 or (3)"], finite=[True, True])
    assert grid.correct().ravel().tolist() == [True, False]


def test_prompts_of_a_users_own_go_by_begins():
    grid, _, _ = grid_of(
        Example("s", "t", answer=" 25"), outputs=["25.", "is 25"], finite=[True, True]
    )
    assert grid.correct().ravel().tolist() == [True, False]
    assert grid.correct("lenient").ravel().tolist() == [True, True]
    blank, _, _ = grid_of(Example("s", "t", answer=" "), outputs=["25"], finite=[True])
    assert blank.correct() is None


def test_one_candidate_is_no_choice():
    found = choose(np.zeros((2, 1)), [" yes"], [" yes"] * 2, np.ones(2, dtype=bool))
    assert not found.right(0).any()
    only = Example("s", "t", (" yes",), " yes")
    grid, records, examples = grid_of(only, logprobs=np.zeros((2, 1)), tops=[" yes"] * 2)
    assert grid.correct() is None
    assert not judge(records, examples, "begins")["match"].to_numpy().any()


@pytest.mark.parametrize(
    ("key", "words"),
    [(Key(("1",), rule="choice"), "has none: give"), (Key(("1",), rule="x"), "unknown rule 'x'")],
)
def test_a_rule_that_does_not_fit_is_refused(key, words):
    with pytest.raises(XTransplantError, match=words):
        judge_text("(1)", key)


def test_others_answers_are_bits_of_a_mask():
    golds = ["1", "2", "3", "2"]
    several = [
        Example("s", "t", (), None, str(k), key=Key((gold,), OPTIONS))
        for k, gold in enumerate(golds)
    ]
    examples = examples_table(several, 0, 4)
    rows = Rows("generate")
    said = ["(1)", "(2)", "(3)", "nothing"]
    for k in range(4):
        pairs = [(0, j) for j in range(4)]
        rows.add(k, "ffn-swap", pairs, output=said, finite=[True] * 4, unchanged=[False] * 4)
    judged = judge(rows.table(), examples, "choice").to_pylist()
    for k, row in enumerate(examples.to_pylist()):
        for j in range(3):
            bits = [a == [OPTIONS[j]] for a in row["other_answers"]]
            assert judged[4 * k + j]["other_match"] == sum(
                1 << r for r, on in enumerate(bits) if on
            )
            assert judged[4 * k + j]["match"] == (golds[k] == OPTIONS[j])
        assert judged[4 * k + 3]["other_lenient"] == 0
        assert all(golds[m] != golds[k] for m in row["other_example"])


def test_where_no_other_has_another_answer_there_is_no_mask():
    alike = [Example("s", "t", (" a", " b"), " a", str(k)) for k in range(3)]
    own = [Example("s", "t", (f" {k}", " b"), f" {k}", str(k)) for k in range(3)]
    for several in (alike, own):
        rows = Rows("score")
        for k in range(3):
            rows.add(
                k, "ffn-swap", [(0, 0)], logprobs=np.array([[-1.0, -2.0]]), top_token=[" a"],
                finite=[True], unchanged=[False],
            )  # fmt: skip
        judged = judge(rows.table(), examples_table(several, 0, 3), "begins")
        assert judged["match"].to_pylist() == [True] * 3
        assert judged["other_match"].to_pylist() == [None] * 3
