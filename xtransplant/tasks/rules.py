"""Matching rules by name: the built-in ones, and those that installed packages add.

A package adds a rule by an entry point of the group ``xtransplant.rules``: a function of an output
and its :class:`Key` that gives a :class:`Verdict`. Two versions of such a function may judge
differently, so a run stores it as ``NAME@HASH``, with a hash of its source: judged by another
version, its records count as not judged.
"""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path

from xtransplant.errors import XTransplantError, one_line
from xtransplant.plugins import plugins
from xtransplant.prompts import Key
from xtransplant.strategies.identity import source_digest
from xtransplant.tasks.matching import CHOOSING, IN_WORDS, RULES, Rule, Verdict

__all__ = [
    "apply_rule", "describe_rule", "find_rule", "rule_fits", "rule_names", "versioned_rule",
]  # fmt: skip

_GROUP = "xtransplant.rules"
_DEFAULT = "begins"
_HASH_DIGITS = 12


def rule_names() -> tuple[str, ...]:
    """Names of the built-in rules, and of those that installed packages add, sorted."""
    added = {entry.name for entry in plugins(_GROUP)} - RULES.keys()
    return (*RULES, *sorted(added))


def find_rule(name: str) -> Rule:
    """The matching rule called ``name`` or ``NAME@HASH``; ``begins`` for the empty name.

    Raises:
        XTransplantError: no such rule, or another version of it than the hash says.
    """
    plain, _, version = (name or _DEFAULT).partition("@")
    if plain in RULES and not version:
        return RULES[plain]
    rule, digest = _added(plain)
    if rule is None:
        if version:
            raise XTransplantError(
                f"rule {name!r} is not installed: install the package that brings {plain!r} (entry "
                f"point {_GROUP}), or judge by another: xtp rescore RUN --rule "
                f"{'|'.join(rule_names())}"
            )
        raise XTransplantError(f"unknown rule {name!r}; choose {', '.join(rule_names())}")
    if version and version != digest:
        raise XTransplantError(
            f"rule {plain!r} has changed: what is installed is {plain}@{digest}, not {name}; "
            "xtp rescore RUN judges all of a run by it"
        )
    return rule


def versioned_rule(name: str) -> str:
    """How a run stores a rule: a built-in one by its name, an added one as ``NAME@HASH``.

    Args:
        name: of the rule; a hash in it is replaced by that of the version that is installed.

    Raises:
        XTransplantError: no such rule.
    """
    plain = name.partition("@")[0]
    if plain in RULES or not plain:
        return name
    rule, digest = _added(plain)
    if rule is None:
        find_rule(name)  # says what is missing
    return f"{plain}@{digest}"


def apply_rule(name: str, output: str, key: Key) -> Verdict:
    """What a rule says of an output.

    Raises:
        XTransplantError: no such rule, or an added one that fails or gives no verdict.
    """
    rule = find_rule(name)
    if (name or _DEFAULT) in RULES:
        return rule(output, key)
    try:
        verdict = rule(output, key)
    except Exception as error:
        raise XTransplantError(
            f"rule {name} fails on {output[:60]!r}: {type(error).__name__}: {one_line(error)}"
        ) from error
    if not isinstance(verdict, Verdict) or not (verdict.strict <= verdict.match <= verdict.lenient):
        raise XTransplantError(
            f"rule {name} gives {verdict!r:.80} for {output[:60]!r}; it should give a Verdict "
            "whose every level takes what the one before it takes"
        )
    return verdict


def rule_fits(name: str, key: Key) -> bool:
    """Whether a rule can judge texts by a key: one that chooses needs the key's options."""
    if not key.answers:
        return True  # never right, by any rule
    if (name or _DEFAULT) in CHOOSING:
        return key.answers[0] in key.options
    try:
        apply_rule(name, "", key)
    except XTransplantError:
        return False
    return True


def describe_rule(name: str) -> str:
    """What a text does that is right, such as ``begins with the answer``."""
    return IN_WORDS.get(name or _DEFAULT, "is right")


@cache
def _added(name: str) -> tuple[Rule | None, str]:
    """The rule that an installed package adds, and the hash of its source."""
    for entry in plugins(_GROUP):
        if entry.name == name:
            rule: Rule = entry.load()
            path = inspect.getsourcefile(inspect.unwrap(rule)) or ""
            return rule, source_digest(Path(path), rule.__module__)[:_HASH_DIGITS]
    return None, ""
