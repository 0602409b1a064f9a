"""Candidates of one relation: the right one among them, none twice, the same in any company."""

from hypothesis import given
from hypothesis import strategies as st

from xtransplant.tasks.matching import bare
from xtransplant.tasks.relations import draw_candidates, rank, spellings

relations = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.tuples(
        st.sampled_from(["Riga", "Rīga", "Oslo", "Roma", "Bern"]), st.text("xyz", min_size=1)
    ),
    min_size=1,
)


@given(relations, st.integers(0, 3), st.integers(1, 12))
def test_every_candidate_is_another_answer(answers, seed, n):
    spelled = {item: spellings(texts) for item, texts in answers.items()}
    for item in answers:
        drawn = draw_candidates(item, spelled, seed, n)
        assert item in drawn
        assert len(drawn) <= n
        for side in (0, 1):
            assert len({bare(answers[one][side]) for one in drawn}) == len(drawn)
        # As many as there can be: what is left out has an answer that is taken, or there were n.
        taken = {bare(text) for one in drawn for text in answers[one]}
        left = [one for one in answers if not {bare(text) for text in answers[one]} & taken]
        assert len(drawn) == n or not left
        assert draw_candidates(item, dict(reversed(spelled.items())), seed, n) == drawn


def test_a_rank_keeps_its_order_when_others_come():
    names = [f"n{k}" for k in range(30)]
    order = rank(names, 0)
    assert [name for name in rank([*names, "more", "and more"], 0) if name in names] == order
    assert rank(names, 1) != order
    assert rank(names, 0, "salt") != order
