"""What recorded edits read, the layer from which they act, and ``resid_mid`` as a sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtransplant.sites import Site
from xtransplant.strategies import Applied, Edit, Read, Value
from xtransplant.strategies.values import Span

__all__ = ["source_reads", "start_of", "without_resid_mid"]


def start_of(edits: Sequence[Edit]) -> int:
    """The layer from which on a variant is not what the prompt is without a transplant."""
    return min((edit.layer for edit in edits), default=0)


def source_reads(variants: Sequence[Sequence[Edit]]) -> list[Read]:
    """Every read of the source that some variants use, each once."""
    found = {
        read: None
        for edits in variants
        for edit in edits
        for read in edit.value.reads()
        if read.prompt == "source"
    }
    return list(found)


def without_resid_mid(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """A variant's edits with ``resid_mid``, no module's output, said as ``resid_pre + attn``."""
    if not any("resid_mid" in (e.site, *(r.site for r in e.value.reads())) for e in edits):
        return tuple(edits)
    # Where both attn and resid_mid are written, resid_mid comes later and is what stays.
    mids = {(edit.layer, edit.span) for edit in edits if edit.site == "resid_mid"}
    kept = [edit for edit in edits if edit.site != "attn" or (edit.layer, edit.span) not in mids]
    written = {edit.place: edit.value for edit in edits if edit.site in ("resid_pre", "attn")}
    return tuple(_without_resid_mid(edit, written) for edit in kept)


def _without_resid_mid(edit: Edit, written: Mapping[Read, Value]) -> Edit:
    """``written``: values that the variant writes at ``resid_pre`` and ``attn``, by place."""

    def part(prompt: Any, site: Site, layer: int, span: Span) -> Value:
        read = Read(prompt, site, layer, span)
        # What the stream holds after an edit is that edit's value, not what stood there.
        known = written.get(read)
        return Value(((1.0, read),)) if known is None else rewrite(known)

    def mid(prompt: Any, read: Read) -> Value:
        pre = part(prompt, "resid_pre", read.layer, read.span)
        return pre + part(prompt, "attn", read.layer, read.span)

    def rewrite(value: Value) -> Value:
        result = Value(constant=value.constant)
        for weight, term in value.terms:
            if isinstance(term, Applied):
                inner = Applied(term.function, tuple(rewrite(v) for v in term.arguments))
                result = result + Value(((weight, inner),))
            elif term.site == "resid_mid":
                result = result + weight * mid(term.prompt, term)
            else:
                result = result + Value(((weight, term),))
        return result

    value = rewrite(edit.value)
    if edit.site != "resid_mid":
        return Edit(edit.site, edit.layer, edit.span, value, edit.head, edit.label)
    pre = part("target", "resid_pre", edit.layer, edit.span)
    return Edit("attn", edit.layer, edit.span, value - pre, None, edit.label)
