"""One item in two languages becomes one example for each direction."""

from xtransplant.prompts import Key
from xtransplant.tasks.gold import Gold
from xtransplant.tasks.parallel import Parallel, Side, Written, make_example, make_parallel


def test_the_sources_candidates_do_not_depend_on_the_targets_language(tmp_path):
    key = Key(("1",), ("1", "2"))
    english = Side("It is:", key, ("(1)", "(2)"))
    others = {
        "de": Side("Es ist:", key, ("(1)", "(2)")),
        "zh": Side("答案是：", key, ("(1)", "(2)")),
        "ja": Side("答え\n", key, ("正", "誤")),
    }
    ahead = {k: make_example(Parallel("a", english, other), k, "en-to-lang")
             for k, other in others.items()}  # fmt: skip
    assert {one.source_candidates for one in ahead.values()} == {(" (1)", " (2)")}
    assert [one.candidates[0] for one in ahead.values()] == [" (1)", "(1)", "正"]
    for lang, one in ahead.items():
        back = make_example(Parallel("a", english, others[lang]), lang, "lang-to-en")
        assert (back.candidates, back.source_candidates) == (one.source_candidates, one.candidates)


def test_free_text_of_the_other_language_is_known_and_a_choice_has_none():
    english, other = (Written(text, Gold((text,))) for text in ("Riga", "Rīga"))
    free = make_parallel("a", english, other, "")
    assert (free.other.key.also, free.english.key.also) == (("Riga",), ("Rīga",))
    assert free.other.candidates == ()
    gold = Gold(("2",), ("1", "2"))
    choice = make_parallel("a", Written("?", gold, ("Yes", "No")), Written("?", gold), "({mark})")
    assert choice.english.candidates == choice.other.candidates == ("(1)", "(2)")
    assert (choice.english.key.labels, choice.other.key.labels) == (("Yes", "No"), ())
    assert choice.english.key.also == ()
