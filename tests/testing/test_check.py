"""The checks of a strategy: each holds of a sound one, and each is failed by a strategy made to."""

import subprocess
import sys

import pytest
import raw_cases

from xtransplant import XTransplantError, apply, strategy
from xtransplant.strategies.formula import SelfTransplant
from xtransplant.testing import assert_valid, check_strategy, checks, formula
from xtransplant.testing.example import batch_of, example_for

FINITE, CHANGES, ITSELF, PACKED, BATCH, TRAVELS, COST = NAMES = (
    "finite outputs",
    "changes something",
    "self-transplant is the identity",
    "packed equals one by one",
    "one example equals a batch",
    "travels to NDIF",
    "cost against attn-swap",
)


@strategy("overflow")
def overflow(source, target, i, j):
    target.ffn[j] = 3e38 * source.resid_post[i]


def over_rows(rows):
    return rows - rows.mean(dim=0, keepdim=True)


@strategy("mixes-rows")
def mixes_rows(source, target, i, j):
    target.ffn[j] = apply(over_rows, source.ffn[i])


@strategy("hits-nothing", raw=True)
def hits_nothing(model, i, j):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    model.model.layers[j].mlp.output.clone()[0, -1] = value


@strategy("packages")
def packages(source, target, i, j):
    target.ffn[j] = apply(_needs_pandas, source.ffn[i])


def _needs_pandas(rows):
    import pandas  # noqa: F401

    return rows


@strategy("every-token")
def every_token(source, target, i, j):
    target.resid_post[j, :] = 0.5 * target.resid_post[j, :] + 0.5 * source.resid_post[i, -1]


@strategy("at-times")
def at_times(source, target, i, j, when: str = "all", through: str = "both"):
    there = target.during(when, through=through)
    there.ffn[j] = source.ffn[i]


def statuses(chosen, model, *others):
    found = check_strategy(chosen, model, *others)
    assert tuple(one.name for one in found) == NAMES
    return {one.name: one for one in found}


def failed(found):
    return [one.name for one in found.values() if one.status == "failed"]


def test_built_in_strategies_hold_what_they_promise(xtp_model):
    sound = statuses("attn-swap", xtp_model)
    assert {one.status for one in sound.values()} == {"ok"}
    assert "1.0 times" in sound[COST].why
    control = statuses("none", xtp_model)
    assert failed(control) == []
    assert control[CHANGES].status == "does not apply"
    mean = statuses("resid-mean-swap", xtp_model)
    # Means are read in this process, and the check says so.
    assert set(failed(mean)) <= {TRAVELS}
    assert mean[ITSELF].status == "ok"
    official = statuses("attn-swap-official", xtp_model)
    assert official[ITSELF].status == "does not apply"
    assert "target.attn[j] + target.resid_pre[j]" in official[ITSELF].why


@pytest.mark.parametrize(
    ("chosen", "broken"),
    [
        (overflow, [FINITE, PACKED, BATCH]),
        (mixes_rows, [BATCH]),
        (hits_nothing, [CHANGES]),
        (packages, [TRAVELS]),
    ],
    ids=str,
)
def test_what_a_strategy_breaks_is_named(chosen, broken, xtp_model):
    found = statuses(chosen, xtp_model)
    assert failed(found) == broken
    if chosen is packages:
        assert f"{__file__}:" in found[TRAVELS].why
    with pytest.raises(AssertionError, match=f"{chosen.name}: {broken[0]}: failed"):
        assert_valid(chosen, xtp_model)


def test_a_control_that_changes_something_is_a_fault(xtp_model, monkeypatch):
    monkeypatch.setattr(checks, "writes_nothing_new", lambda edits: True)
    assert failed(statuses("attn-swap", xtp_model)) == [CHANGES]


def test_an_identity_that_is_none_is_a_fault(xtp_model, monkeypatch):
    monkeypatch.setattr(checks, "self_transplant", lambda edits: SelfTransplant(True, "so it is"))
    assert failed(statuses("attn-swap-official", xtp_model)) == [ITSELF]


@pytest.mark.parametrize(
    ("when", "through"),
    [("prefill", "cache"), ("prefill", "logits"), ("decode", "both"), ("first(2)", "both")],
)
def test_whenever_it_acts_it_changes_something(when, through, xtp_model):
    bound = at_times.with_options({"when": when, "through": through})
    assert failed(statuses(bound, xtp_model)) == []


def test_more_tokens_cost_more(xtp_model):
    cost = statuses(every_token, xtp_model)[COST]
    assert float(cost.why.partition(" ")[0]) > 5


def test_a_raw_strategy_is_held_to_what_applies(xtp_model):
    found = statuses(f"{raw_cases.__file__}:uphill", xtp_model)
    kinds = {name: one.status for name, one in found.items()}
    assert kinds == dict.fromkeys(NAMES, "does not apply") | dict.fromkeys(
        (FINITE, CHANGES, TRAVELS, COST), "ok"
    )


def test_what_cannot_be_recorded_everywhere_is_no_outcome(xtp_model, tmp_path):
    path = tmp_path / "beyond.py"
    path.write_text(
        'from xtransplant import strategy\n\n\n@strategy("beyond")\n'
        "def beyond(source, target, i, j):\n    target.ffn[j] = source.ffn[i] / (j - 7)\n"
    )
    with pytest.raises(XTransplantError, match=rf"layer pair 0→7, {path} line 6: a value is d"):
        check_strategy(str(path), xtp_model)


def test_the_batch_holds_prompts_of_other_lengths(xtp_model):
    one, around, again = batch_of(example_for(xtp_model))
    assert (around.source, around.target) == (one.target, one.source)
    assert one == again


def test_the_formula_as_text():
    assert formula("blend") == ("target.ffn[j] = 0.5 * target.ffn[j] + 0.5 * source.ffn[i]",)
    with pytest.raises(XTransplantError, match="records no edits"):
        formula(hits_nothing)


def test_torch_is_not_imported_by_the_plugin_alone():
    code = (
        "import sys, xtransplant.testing.plugin\n"
        "sys.exit(len({'torch', 'transformers', 'nnsight', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
