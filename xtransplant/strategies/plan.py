"""The resolved plan of a variant: which tokens, layers and steps it touches, in plain words.

Scoring and generating are the same steps. Step 0, the prefill, is the pass over the prompt: the
first new token, or a candidate's first token, comes of it. Step n is a pass over one token, the
n-th new one or a candidate's n-th, over the keys and values that the steps before left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from xtransplant.sites import site_order
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.places import MEAN, Read

__all__ = ["Plan", "Prompts", "Touched", "resolve_plan", "script_plan"]

_SCORING = "the same steps: step 0 scores a candidate's first token, step n the one after its n-th"


class Prompts(NamedTuple):
    """The two prompts, each as the texts of its tokens."""

    source: Sequence[str]
    target: Sequence[str]


@dataclass(frozen=True)
class Touched:
    """A place of one prompt that is read or written.

    Attributes:
        place: such as ``target.attn[3]``, or of several heads ``target.head(0 to 3)[3]``.
        layer: counted from 0.
        start, stop: its tokens, counted from 0; the second is left out.
        tokens: the same in words.
    """

    place: str
    layer: int
    start: int
    stop: int
    tokens: str


@dataclass(frozen=True)
class Plan:
    """What a variant touches.

    Attributes:
        source_layer, target_layer: its layer pair i→j.
        n_layers: of the model.
        n_source, n_target: length of the two prompts, in tokens.
        reads, writes: the places; none of a raw strategy, whose script says them.
        generation: by step, what is done.
        scoring: how these steps score candidates.
    """

    source_layer: int
    target_layer: int
    n_layers: int
    n_source: int
    n_target: int
    reads: tuple[Touched, ...]
    writes: tuple[Touched, ...]
    generation: tuple[tuple[str, str], ...]
    scoring: str = _SCORING

    @property
    def at(self) -> str:
        """Its layer pair and the prompts, in a line."""
        return (
            f"at layer pair {self.source_layer}→{self.target_layer} of layers 0 to "
            f"{self.n_layers - 1}, prompts of {self.n_source} and {self.n_target} tokens"
        )

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """What is touched, then what is done at each step: a name and a text each."""
        return (
            *(("reads", f"{one.place} at {one.tokens}") for one in self.reads),
            *(("writes", f"{one.place} at {one.tokens}") for one in self.writes),
            *self.generation,
            ("scoring", self.scoring),
        )


def resolve_plan(
    edits: Sequence[Edit], pair: tuple[int, int], n_layers: int, prompts: Prompts
) -> Plan:
    """The plan of recorded edits.

    Args:
        edits: as recorded at ``pair``.
        pair: source and target layer.
        n_layers: of the model.
        prompts: both, as tokens.

    Raises:
        XTransplantError: a span that one of the prompts has not.
    """
    reads = _touched([read for edit in edits for read in edit.value.reads()], prompts)
    writes = _touched([edit.place for edit in edits], prompts)
    return Plan(
        *pair, n_layers, len(prompts.source), len(prompts.target),
        reads=tuple(dict.fromkeys(reads.values())),
        writes=tuple(dict.fromkeys(writes.values())),
        generation=tuple(
            _step(start, stop, edits, writes, n_layers) for start, stop in _intervals(edits)
        ),
    )  # fmt: skip


def script_plan(pair: tuple[int, int], n_layers: int, prompts: Prompts) -> Plan:
    """The plan of a raw strategy: what its script touches is what the script says."""
    steps = (
        ("before", "the script's first half runs in a pass over the source's prompt"),
        ("step 0 (prefill)", "its second half runs in the pass over the target's prompt"),
        ("steps from 1 on", "it does not run; the cache is as it left it"),
    )
    return Plan(*pair, n_layers, len(prompts.source), len(prompts.target), (), (), steps)


def _intervals(edits: Sequence[Edit]) -> list[tuple[int, int | None]]:
    """Steps between which no edit begins or ends to be made; the prefill is the first."""
    bounds = {0, 1, *(edit.when.start for edit in edits)}
    bounds |= {edit.when.stop for edit in edits if edit.when.stop is not None}
    starts = sorted(bounds)
    return list(zip(starts, [*starts[1:], None], strict=True))


def _step(
    start: int,
    stop: int | None,
    edits: Sequence[Edit],
    writes: dict[Read, Touched],
    n_layers: int,
) -> tuple[str, str]:
    """The name of the steps from one to another, and what is done at each of them."""
    made = [edit for edit in edits if edit.when.has(start)]
    if start == 0:
        return "step 0 (prefill)", _of_prefill(made, writes, n_layers)
    what = _of_later(made, edits, writes, n_layers)
    if stop is None:
        return f"steps from {start} on", what
    return (f"step {start}" if stop == start + 1 else f"steps {start} to {stop - 1}"), what


def _of_prefill(made: Sequence[Edit], writes: dict[Read, Touched], n_layers: int) -> str:
    """What the pass over the prompt does."""
    if not made:
        return "nothing is written; the next token, keys and values are the target's own"
    places = [writes[edit.place] for edit in made]
    written = "; ".join(dict.fromkeys(f"{one.place} at {one.tokens}" for one in places))
    through, cached = made[0].through, _layers_from(min(map(_cached_from, made)), n_layers)
    if through == "logits":
        acts = "the next token alone comes of it, the keys and values kept are the target's own"
        return f"written: {written}; {acts}"
    next_token = "the next token comes of it"
    if through == "cache":
        next_token = "the next token is the target's own"
    if not cached:
        return f"written: {written}; {next_token}; no layer is above, so the cache is as it was"
    first = min(places, key=lambda one: one.start)
    alone = first.stop - first.start == 1 and all(one.start == first.start for one in places)
    where = "at that token" if alone else f"from token {first.start} on"
    return (
        f"written: {written}; {next_token}, and the altered keys and values of {cached} {where} "
        "stay in the cache"
    )


def _of_later(
    made: Sequence[Edit], edits: Sequence[Edit], writes: dict[Read, Touched], n_layers: int
) -> str:
    """What a pass over one new token does."""
    if made:
        places = "; ".join(dict.fromkeys(writes[edit.place].place for edit in made))
        return f"written: {places} at the one token that the step computes"
    before = [edit for edit in edits if edit.through != "logits"]
    cached = before and _layers_from(min(map(_cached_from, before)), n_layers)
    if not cached:
        return "nothing is written, and the cache is the target's own: only tokens so far differ"
    return f"nothing is written; the altered keys and values of {cached} act from the cache"


def _cached_from(edit: Edit) -> int:
    """The lowest layer whose keys and values an edit changes, at the tokens it is made at."""
    # What stands before a layer's attention changes its own keys and values, all else the next's.
    return edit.layer if site_order(edit.site) < site_order("head") else edit.layer + 1


def _layers_from(first: int, n_layers: int) -> str:
    """Layers from one on, in words; empty if there is none."""
    if first >= n_layers:
        return ""
    return f"layer {first}" if first == n_layers - 1 else f"layers {first} to {n_layers - 1}"


def _touched(places: Sequence[Read], prompts: Prompts) -> dict[Read, Touched]:
    """What each place touches; heads of one layer, at the same tokens, are one."""
    heads: dict[Read, list[int]] = {}
    for place in dict.fromkeys(places):
        if place.head is not None:
            heads.setdefault(replace(place, head=None), []).append(place.head)
    return {
        place: _at_heads(place, heads.get(replace(place, head=None), []), prompts)
        for place in places
    }


def _at_heads(place: Read, heads: Sequence[int], prompts: Prompts) -> Touched:
    """What a place touches, with those that differ from it in the head alone."""
    texts = prompts.target if place.prompt == "target" else prompts.source
    tokens = range(len(texts))
    words = "the last token of each aligned word"
    if not place.span.aligned:
        tokens = place.span.resolve(len(texts), str(place))
        words = _in_words(tokens, texts)
    if place.prompt == MEAN:
        words += ", and likewise of each other source"
    part = place.part
    if len(heads) > 2:
        first, last = min(heads), max(heads)
        whole = sorted(heads) == [*range(first, last + 1)]
        part = f"head({f'{first} to {last}' if whole else ', '.join(map(str, heads))})"
    where = f"{place.prompt}.{part}[{place.layer}]"
    return Touched(where, place.layer, tokens.start, tokens.stop, words)


def _in_words(tokens: range, texts: Sequence[str]) -> str:
    """Tokens of a prompt, with the text of the first and of the last."""
    first, last, end = tokens.start, tokens.stop - 1, len(texts) - 1
    if len(tokens) == 1:
        where = f"the last token, {last}" if last == end else f"token {last}"
        return f"{where} ({texts[last]!r})"
    where = f"all tokens, {first} to {last}" if len(tokens) == len(texts) else ""
    where = where or f"tokens {first} to {last}{', the last' if last == end else ''}"
    return f"{where} ({texts[first]!r} to {texts[last]!r})"
