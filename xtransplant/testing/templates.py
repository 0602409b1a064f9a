"""What ``xtp new`` writes: a strategy of each kind, and its test."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["TEMPLATES", "Kind", "Texts"]

Kind = Literal["recorded", "fitted", "raw"]


class Texts(NamedTuple):
    """Of one kind; ``$name``, ``$stem`` and ``$function`` stand for its own."""

    strategy: str
    test: str


_RECORDED = '''\
"""One line: what it does. This one adds a share of the source's feed-forward output.

    ffn_j(target)[last] := ffn_j(target)[last] + weight * ffn_i(source)[last]

Say where the idea comes from (authors, arXiv number), and what each option means.

Run it: xtp trace --strategy ./$stem.py -S weight=0.5
"""

from xtransplant import strategy


@strategy("$name")
def $function(source, target, i, j, weight: float = 0.5):
    target.ffn[j] = target.ffn[j] + weight * source.ffn[i]
'''

_FITTED = '''\
"""One line: what it does. This one mixes in the source's stream, moved from language to language.

    v := resid_post_i(source)[last] - mean_i(source's language) + mean_i(target's language)
    resid_post_j(target)[last] := (1 - weight) * resid_post_j(target)[last] + weight * v

mean_i(L) is the mean of resid_post_i over the tokens of a prompt, and over the prompts in L. Say
where the idea comes from (authors, arXiv number), and what each option means.

Fit it: xtp fit ./$stem.py --task babel --split pilot -o fits/$name
Run it: xtp trace --strategy ./$stem.py -S fit=fits/$name -S weight=0.5 --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post", tokens="mean")
def means(stats):
    return {"mean": {lang: stats.mean(lang) for lang in stats.languages}}  # [n_layers, d_model]


@strategy("$name", fit=means)
def $function(source, target, i, j, fit, weight: float = 0.5):
    value = source.resid_post[i] - fit["mean"]["source"][i] + fit["mean"]["target"][i]
    target.resid_post[j] = (1 - weight) * target.resid_post[j] + weight * value
'''

_RAW = '''\
"""One line: what it does. This one writes where the target is most like the source.

    p := the token of the target whose output of MLP j is most like MLP i's (source)[last]
    mlp_j(target)[p] := (1 - weight) * mlp_j(target)[p] + weight * mlp_i(source)[last]

Say where the idea comes from (authors, arXiv number), and what each option means. The modules'
names are Llama's; print(xtransplant.load(MODEL).nn) shows those of another model.

Run it: xtp trace --strategy ./$stem.py -S weight=0.5
"""

import torch

from xtransplant import strategy


@strategy("$name", raw=True)
def $function(model, i, j, *, weight: float = 0.5):
    value = model.model.layers[i].mlp.output[0, -1].clone()  # [d_model]
    yield
    rows = model.model.layers[j].mlp.output[0]  # [n_tokens, d_model]
    place = torch.cosine_similarity(rows, value[None], dim=-1).argmax()
    rows[place] = (1 - weight) * rows[place] + weight * value
'''

_HEAD = '''\
"""$name: its invariants on the bundled model, and what it does."""

from pathlib import Path

'''

_TEST_RECORDED = (
    _HEAD
    + """\
from xtransplant import find_strategy
from xtransplant.testing import assert_valid, formula

STRATEGY = find_strategy(str(Path(__file__).with_name("$stem.py")))


def test_its_invariants(xtp_model):
    assert_valid(STRATEGY, xtp_model)


def test_its_formula():  # what xtp show prints below "records": change it with the strategy
    assert formula(STRATEGY) == ("target.ffn[j] = target.ffn[j] + 0.5 * source.ffn[i]",)
"""
)

_TEST_FITTED = (
    _HEAD
    + """\
import pytest

from xtransplant.testing import assert_valid, formula, with_fit

FILE = str(Path(__file__).with_name("$stem.py"))


@pytest.fixture(scope="module")
def fitted(xtp_model, tmp_path_factory):
    return with_fit(FILE, tmp_path_factory.mktemp("fit"), xtp_model)


def test_its_invariants(fitted, xtp_model):
    assert_valid(fitted, xtp_model)


def test_its_formula():  # what xtp show prints below "records": change it with the strategy
    assert formula(FILE) == (
        "target.resid_post[j] = 0.5 * target.resid_post[j] + 0.5 * source.resid_post[i] "
        "- 0.5 * fit.mean[source][i] + 0.5 * fit.mean[target][i]",
    )
"""
)

_TEST_RAW = (
    _HEAD
    + """\
from xtransplant import find_strategy
from xtransplant.testing import assert_valid, check_strategy

STRATEGY = find_strategy(str(Path(__file__).with_name("$stem.py")))


def test_its_invariants(xtp_model):
    assert_valid(STRATEGY, xtp_model)


def test_a_weight_of_0_changes_nothing(xtp_model):
    found = check_strategy(STRATEGY.with_options({"weight": 0.0}), xtp_model)
    assert [one.name for one in found if one.status == "failed"] == ["changes something"]
"""
)

TEMPLATES: dict[Kind, Texts] = {
    "recorded": Texts(_RECORDED, _TEST_RECORDED),
    "fitted": Texts(_FITTED, _TEST_FITTED),
    "raw": Texts(_RAW, _TEST_RAW),
}
"""What is written, by kind."""
