"""Rules by name: built-in ones, and those of an installed package, in the version that is there."""

import sys

import pytest
from plugin_made import forget, install

from xtransplant import XTransplantError
from xtransplant.prompts import Key
from xtransplant.tasks.judging import judge_text
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.matching import RULES, Verdict
from xtransplant.tasks.rules import (
    apply_rule,
    describe_rule,
    find_rule,
    rule_fits,
    rule_names,
    versioned_rule,
)
from xtransplant.tasks.task import find_task


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    install(tmp_path)
    yield tmp_path
    forget()


@pytest.mark.parametrize("name", list(RULES))
def test_a_built_in_rule_is_stored_by_its_name(name):
    assert find_rule(name) is RULES[name]
    assert versioned_rule(name) == name
    assert describe_rule(name) != "is right"


def test_the_empty_name_is_begins():
    assert find_rule("") is RULES["begins"]
    assert apply_rule("", "12 towns", Key(("12",))).strict


def test_an_added_rule_judges_as_a_built_in_one(plugin):
    assert rule_names() == (*RULES, "broken", "even", "upside-down")
    named = versioned_rule("even")
    for name in ("even", named):
        assert judge_text(" 14", Key(("13",), rule=name)) == Verdict(True, True, True)
        assert judge_text(" 13", Key(("13",), rule=name)) == Verdict(False, False, True)
    example = load_examples(find_task("parity"), "sw").examples[0]
    assert example.key.rule == example.source_key.rule == named
    assert describe_rule(named) == "is right"


def test_another_version_is_another_rule(plugin):
    before = versioned_rule("even")
    install(plugin, remainder=1)
    after = versioned_rule(before)
    assert after != before
    assert after.partition("@")[0] == before.partition("@")[0] == "even"
    with pytest.raises(XTransplantError, match=r"rule 'even' has changed.*xtp rescore RUN"):
        find_rule(before)


def test_a_rule_that_fails_or_gives_no_verdict_is_named(plugin):
    key = Key(("12",))
    with pytest.raises(XTransplantError, match="rule broken fails on 'x': ZeroDivisionError"):
        apply_rule("broken", "x", key)
    with pytest.raises(XTransplantError, match="rule upside-down gives Verdict"):
        apply_rule("upside-down", "x", key)
    assert [rule_fits(name, key) for name in ("even", "broken", "upside-down")] == [
        True, False, False,
    ]  # fmt: skip


def test_rules_that_choose_fit_only_keys_with_options():
    for name in ("choice", "letters", "truth"):
        assert not rule_fits(name, Key(("12",)))
        assert rule_fits(name, Key(("1",), ("1", "2")))
        assert rule_fits(name, Key(()))
