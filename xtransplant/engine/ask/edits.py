"""Recorded edits, prepared for compiling: pure data, no model.

``resid_mid``, the residual stream between attention and MLP, is the output of no module. It is the
sum ``resid_pre + attn``: reading it is reading both, and writing ``value`` there is writing
``value - resid_pre`` at ``attn``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xtransplant.sites import summands
from xtransplant.strategies import Applied, Edit, Read, Value
from xtransplant.strategies.edits import When
from xtransplant.strategies.places import Prompt

__all__ = ["expand_resid_mid", "first_layer", "prompt_reads"]


def first_layer(edits: Sequence[Edit]) -> int:
    """The lowest layer that a variant writes at; below it the variant equals the plain target."""
    return min((edit.layer for edit in edits), default=0)


def prompt_reads(variants: Sequence[Sequence[Edit]], prompt: Prompt) -> list[Read]:
    """Every read of a prompt that some variants use, each once, in order of first use."""
    found = {
        read: None
        for edits in variants
        for edit in edits
        for read in edit.value.reads()
        if read.prompt == prompt
    }
    return list(found)


def expand_resid_mid(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """A variant's edits with every ``resid_mid`` expressed by ``resid_pre`` and ``attn``."""
    if not any("resid_mid" in (e.site, *(r.site for r in e.value.reads())) for e in edits):
        return tuple(edits)
    # Where both attn and resid_mid are written, resid_mid comes later and overwrites it.
    mids = {(replace(e.place, site="attn"), e.when) for e in edits if e.site == "resid_mid"}
    kept = [e for e in edits if (e.place, e.when) not in mids]
    # Edits of one place are made at the same steps, or at none in common.
    written: dict[When, dict[Read, Value]] = {edit.when: {} for edit in edits}
    for edit in edits:
        if edit.site in ("resid_pre", "attn"):
            written[edit.when][edit.place] = edit.value
    return tuple(_expand_edit(edit, written[edit.when]) for edit in kept)


def _expand_edit(edit: Edit, written: Mapping[Read, Value]) -> Edit:
    value = _expand_value(edit.value, written)
    if edit.site != "resid_mid":
        return replace(edit, value=value)
    # What is written of resid_pre, if anything, is the same part of it; a read is of the whole.
    place = replace(edit.place, site="resid_pre")
    pre = _value_at(place if place in written else replace(place, dims=()), written)
    return replace(edit, site="attn", value=value - pre, head=None)


def _expand_value(value: Value, written: Mapping[Read, Value]) -> Value:
    result = Value(constant=value.constant)
    for weight, term in value.terms:
        if isinstance(term, Applied):
            arguments = tuple(_expand_value(argument, written) for argument in term.arguments)
            result = result + Value(((weight, replace(term, arguments=arguments)),))
        elif isinstance(term, Read) and term.site == "resid_mid":
            pre, attn = (replace(term, site=site) for site in summands("resid_mid"))
            result = result + weight * (_value_at(pre, written) + _value_at(attn, written))
        else:
            result = result + Value(((weight, term),))
    return result


def _value_at(read: Read, written: Mapping[Read, Value]) -> Value:
    """What stands at a place: what the same variant has written there (``written``), if it has."""
    edited = written.get(read)
    return Value(((1.0, read),)) if edited is None else _expand_value(edited, written)
