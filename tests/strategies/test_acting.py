"""Options ``when`` and ``through`` of strategies that do not say themselves when they act."""

import pytest

from xtransplant import XTransplantError, find_strategy, strategy
from xtransplant.strategies import Shape

SHAPE = Shape(n_layers=4, n_heads=4)


def edits(text):
    return find_strategy(text).edits(SHAPE, 1, 2)


@strategy("says-it-itself")
def says_it_itself(source, target, i, j, steps: str = "all"):
    target.during(steps).attn[j] = source.attn[i]


@strategy("own-option")
def own_option(source, target, i, j, when: str = "all"):
    target.during(when).attn[j] = source.attn[i]


@pytest.mark.parametrize(
    ("when", "through"),
    [("all", "both"), ("first(2)", "both"), ("decode", "both"), ("prefill", "cache"),
     ("prefill", "logits"), ("prefill", "both")],
)  # fmt: skip
def test_an_option_says_what_the_file_could(when, through):
    @strategy("written-out")
    def written_out(source, target, i, j):
        there = target.during(when, through=through)
        there.resid_post[j] = 0.5 * there.resid_post[j] + 0.5 * source.resid_post[i]

    asked = edits(f"blend(site=resid_post, weight=0.5, when={when}, through={through})")
    assert asked == written_out.edits(SHAPE, 1, 2)


def test_each_part_of_a_combination_has_its_own():
    both = edits("attn-swap(when=all) + ffn-swap(when=decode)")
    assert list(map(str, both)) == [
        'target.during("all").attn[j] = source.attn[i]',
        'target.during("decode").ffn[j] = source.ffn[i]',
    ]
    with pytest.raises(XTransplantError, match=r"write it behind the one that is meant"):
        find_strategy("attn-swap + ffn-swap").with_options({"through": "cache"})


def test_what_a_strategy_says_itself_is_not_passed_over():
    assert {one.when.start for one in says_it_itself.edits(SHAPE, 1, 2)} == {0}
    for options in ({"when": "decode"}, {"through": "cache"}):
        with pytest.raises(XTransplantError, match="leave the option out"):
            says_it_itself.with_options(options).edits(SHAPE, 1, 2)
    asked = own_option.with_options({"when": "decode"}).edits(SHAPE, 1, 2)
    assert [str(one.when) for one in asked] == ["decode"]
    assert [one.name for one in own_option.options] == ["when", "through"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("attn-swap(when=often)", "prefill, decode, all or first.3., not 'often'"),
        ("attn-swap(through=keys)", "both, logits, cache"),
        ("attn-swap(when=all, through=cache)", "goes with during"),
    ],
)
def test_words_that_are_none(text, words):
    with pytest.raises(XTransplantError, match=words):
        edits(text)


def test_options_are_part_of_what_a_strategy_is_called():
    assert str(find_strategy("attn-swap(through=cache)")) == "attn-swap(through=cache)"
    assert str(find_strategy("attn-swap(through=both)")) == "attn-swap"
    sweep = find_strategy("attn-swap").sweep(through="all")
    assert [str(one) for one in sweep.strategies] == [
        "attn-swap", "attn-swap(through=logits)", "attn-swap(through=cache)",
    ]  # fmt: skip
