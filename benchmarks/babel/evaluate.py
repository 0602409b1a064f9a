"""Measure Babel's model with plain PyTorch hooks: what it knows, its gaps, what a transplant gives.

    python -m xtransplant.benchmarks.babel.evaluate [--checkpoint DIR] [--json]

Everything is asked with held-out frames. An answer counts if it is the greedy next token out of
the whole vocabulary; ``--json`` also has the argmax over the candidates. The layer pair is chosen
on the pilot split (most correct over all languages; ties: smallest j, then largest i) and
applied to the unseen split.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from xtransplant.benchmarks.babel.task import CANDIDATES, CHECKPOINT, babel
from xtransplant.prompts import Example
from xtransplant.tasks.task import Direction

__all__ = ["evaluate", "table"]

SITES = {"attn": "self_attn", "ffn": "mlp"}
DIRECTIONS: tuple[Direction, ...] = ("en-to-lang", "lang-to-en")


@torch.no_grad()
def evaluate(checkpoint: Path = CHECKPOINT) -> dict[str, Any]:
    """Every number of the model card, as plain data."""
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    result: dict[str, Any] = {"parameters": model.num_parameters()}

    def groups(direction: Direction, split: str) -> dict[str, Group]:
        return {
            lang: Group(model, tokenizer, babel.examples(lang, direction, split))
            for lang in babel.languages
        }

    shared = groups("en-to-lang", "shared")
    result["shared"] = _rates({lang: group.vanilla() for lang, group in shared.items()})
    result["shared"]["en"] = _rate([next(iter(shared.values())).source()])
    n_layers = model.config.num_hidden_layers
    for direction in DIRECTIONS:
        pilot, unseen = groups(direction, "pilot"), groups(direction, "unseen")
        result[direction] = _transplants(pilot, unseen, n_layers)
    return result


def table(result: dict[str, Any]) -> str:
    """The model card's table: percent right by the greedy next token."""
    langs = [*babel.languages, "all"]
    rows = [("shared facts", result["shared"], "English: " + _percent(result["shared"]["en"]))]
    for direction in DIRECTIONS:
        own = result[direction]
        rows.append((f"{direction}: source prompt by itself", own["source"], ""))
        rows.append((f"{direction}: target prompt by itself", own["vanilla"], ""))
        for site in SITES:
            pair = "{}→{}".format(*own[site]["pair"])
            rows.append((f"{direction}: {site}", own[site]["transplant"], pair))
            rows.append((f"{direction}: {site}, other town", own[site]["other"], pair))
    lines = ["| | " + " | ".join(langs) + " | |", "|---|" + "--:|" * len(langs) + "---|"]
    for name, rates, note in rows:
        cells = " | ".join(_percent(rates[lang]) for lang in langs)
        lines.append(f"| {name} | {cells} | {note} |")
    return "\n".join(lines)


def _transplants(
    pilot: dict[str, Group], unseen: dict[str, Group], n_layers: int
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "source": _rates({lang: group.source() for lang, group in unseen.items()}),
        "vanilla": _rates({lang: group.vanilla() for lang, group in unseen.items()}),
    }
    pairs = [(i, j) for i in range(n_layers) for j in range(n_layers)]
    for site in SITES:
        right = {
            (i, j): sum(int(g.transplant(site, i, j).greedy.sum()) for g in pilot.values())
            for i, j in pairs
        }
        i, j = min(pairs, key=lambda pair: (-right[pair], pair[1], -pair[0]))
        own = {lang: group.transplant(site, i, j) for lang, group in unseen.items()}
        other = {lang: g.transplant(site, i, j, other=True) for lang, g in unseen.items()}
        result[site] = {
            "pair": [i, j],
            "pilot_grid": [[right[i, j] for j in range(n_layers)] for i in range(n_layers)],
            "transplant": _rates(own),
            "other": _rates(other),
        }
    return result


def _rates(scores: dict[str, Score]) -> dict[str, Any]:
    rates = {lang: _rate([score]) for lang, score in scores.items()}
    return {**rates, "all": _rate(list(scores.values()))}


def _rate(scores: list[Score]) -> dict[str, float]:
    greedy = torch.cat([score.greedy for score in scores]).double().mean().item()
    among = torch.cat([score.among_candidates for score in scores]).double().mean().item()
    return {"greedy": round(greedy, 4), "candidates": round(among, 4)}


def _percent(rate: dict[str, float]) -> str:
    return f"{100 * rate['greedy']:.0f}"


def read(model: Any, site: str, prompts: Prompts) -> list[Tensor]:
    """The site's output at the last prompt token, one ``[prompt, 1, width]`` per layer."""
    seen: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).clone())

    modules = [getattr(layer, SITES[site]) for layer in model.model.layers]
    handles = [module.register_forward_hook(keep) for module in modules]
    prompts.logits()
    for handle in handles:
        handle.remove()
    return seen


@contextmanager
def patched(model: Any, site: str, j: int, value: Tensor) -> Iterator[None]:
    """While open, the site of layer ``j`` gives ``value`` instead of its own output."""

    def replace(module: Any, inputs: Any, output: Any) -> Any:
        return (value, *output[1:]) if isinstance(output, tuple) else value

    handle = getattr(model.model.layers[j], SITES[site]).register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def others(examples: Sequence[Example]) -> list[int]:
    """For each example, another one about the same relation with another answer."""
    found = []
    for k, example in enumerate(examples):
        matching = (
            o
            for o in [*range(k + 1, len(examples)), *range(k)]
            if examples[o].id.split("-")[1] == example.id.split("-")[1]
            and examples[o].answer != example.answer
        )
        found.append(next(matching))
    return found


@dataclass(frozen=True)
class Score:
    """Which examples were right: by the greedy next token, and among the candidates."""

    greedy: Tensor
    among_candidates: Tensor


class Prompts:
    """A batch of prompts, all but their last tokens already in a key-value cache."""

    def __init__(self, model: Any, tokenizer: Any, texts: Sequence[str]) -> None:
        self._model = model
        rows = tokenizer(list(texts), padding=True, padding_side="left", return_tensors="pt")
        self._last = rows.input_ids[:, -1:]
        self._mask = rows.attention_mask
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._cache = DynamicCache()
        model.model(
            input_ids=rows.input_ids[:, :-1],
            attention_mask=self._mask[:, :-1],
            position_ids=self._positions[:, :-1],
            past_key_values=self._cache,
        )

    def logits(self) -> Tensor:
        """Next-token logits ``[prompt, vocabulary]``, under whatever hooks are set."""
        out = self._model(
            input_ids=self._last,
            attention_mask=self._mask,
            position_ids=self._positions[:, -1:],
            past_key_values=self._cache,
        )
        self._cache.crop(-1)  # the last token is run again for every pair
        logits: Tensor = out.logits[:, -1]
        return logits


class Group:
    """One language, direction and split: its examples, source activations and cached targets."""

    def __init__(self, model: Any, tokenizer: Any, examples: tuple[Example, ...]) -> None:
        first = examples[0]
        self.lang = first.target_lang if first.source_lang == "en" else first.source_lang
        self._model = model
        self._others = others(examples)
        self._candidates = torch.tensor(
            [tokenizer.encode(text, add_special_tokens=False)[0] for text in CANDIDATES]
        )
        self._answers = torch.tensor([CANDIDATES.index(e.answer or "") for e in examples])
        self._sources = Prompts(model, tokenizer, [example.source for example in examples])
        self._targets = Prompts(model, tokenizer, [example.target for example in examples])
        self._read = {site: read(model, site, self._sources) for site in SITES}

    def source(self) -> Score:
        """The source prompts by themselves."""
        return self._score(self._sources.logits())

    def vanilla(self) -> Score:
        """The target prompts by themselves."""
        return self._score(self._targets.logits())

    def transplant(self, site: str, i: int, j: int, *, other: bool = False) -> Score:
        """The target prompts with layer ``i`` of the source (or of another one) at layer ``j``."""
        value = self._read[site][i]
        with patched(self._model, site, j, value[self._others] if other else value):
            return self._score(self._targets.logits())

    def _score(self, logits: Tensor) -> Score:
        among = logits[:, self._candidates].argmax(-1) == self._answers
        return Score(logits.argmax(-1) == self._candidates[self._answers], among)


def main() -> None:
    """Read the command line, print the table or the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args()
    result = evaluate(arguments.checkpoint)
    print(json.dumps(result, indent=1) if arguments.json else table(result))


if __name__ == "__main__":
    main()
