"""Measure Babel's model with plain PyTorch hooks: what it knows, its gaps, what a transplant gives.

    python -m xtransplant.benchmarks.babel.evaluate [--checkpoint DIR] [--json]

Everything is asked with held-out frames. An answer counts if it is the greedy next token, out of
the whole vocabulary; ``--json`` also has the argmax over the candidates. The layer pair is chosen
on the pilot split (most correct over all languages; ties: smallest j, then largest i) and
applied to the unseen split.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from xtransplant.benchmarks.babel.task import CANDIDATES, CHECKPOINT, babel
from xtransplant.benchmarks.task import Direction
from xtransplant.prompts import Example

__all__ = ["evaluate", "table"]

SITES = {"attn": "self_attn", "ffn": "mlp"}
DIRECTIONS: tuple[Direction, ...] = ("en-to-lang", "lang-to-en")


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
        rows = rows.to(model.device)
        self._last = rows.input_ids[:, -1:]
        self._mask = rows.attention_mask
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._n_cached = self._last.new_tensor(rows.input_ids.shape[1] - 1).item()
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
        self._cache.crop(self._n_cached)
        logits: Tensor = out.logits[:, -1]
        return logits


def read(model: Any, site: str, prompts: Prompts) -> list[Tensor]:
    """The site's output at the last prompt token, one ``[prompt, 1, width]`` per layer."""
    seen: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).clone())

    handles = [
        getattr(layer, SITES[site]).register_forward_hook(keep) for layer in model.model.layers
    ]
    prompts.logits()
    for handle in handles:
        handle.remove()
    return seen


@contextmanager
def written(model: Any, site: str, j: int, value: Tensor) -> Iterator[None]:
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
        order = [*range(k + 1, len(examples)), *range(k)]
        relation = example.id.split("-")[1]
        fits = (
            o
            for o in order
            if examples[o].id.split("-")[1] == relation and examples[o].answer != example.answer
        )
        found.append(next(fits))
    return found


class Group:
    """One language, direction and split: its examples, source activations and cached targets."""

    def __init__(self, model: Any, tokenizer: Any, examples: tuple[Example, ...]) -> None:
        encode = tokenizer.encode
        self._model = model
        self._others = others(examples)
        self._candidates = torch.tensor(
            [encode(text, add_special_tokens=False)[0] for text in CANDIDATES]
        )
        answers = [CANDIDATES.index(example.answer or "") for example in examples]
        self._answers = torch.tensor(answers)
        self._sources = Prompts(model, tokenizer, [example.source for example in examples])
        self._targets = Prompts(model, tokenizer, [example.target for example in examples])
        self._source_values = {site: read(model, site, self._sources) for site in SITES}

    def source(self) -> Score:
        """The source prompts by themselves."""
        return self._score(self._sources.logits())

    def vanilla(self) -> Score:
        """The target prompts by themselves."""
        return self._score(self._targets.logits())

    def transplant(self, site: str, i: int, j: int, *, other: bool = False) -> Score:
        """The target prompts with layer ``i`` of the source (or of another one) at layer ``j``."""
        value = self._source_values[site][i]
        with written(self._model, site, j, value[self._others] if other else value):
            return self._score(self._targets.logits())

    def _score(self, logits: Tensor) -> Score:
        logits = logits.cpu()
        among = logits[:, self._candidates].argmax(-1) == self._answers
        greedy = logits.argmax(-1) == self._candidates[self._answers]
        return Score(greedy, among)


@torch.no_grad()
def evaluate(checkpoint: Path = CHECKPOINT) -> dict[str, Any]:
    """Every number of the model card, as plain data."""
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    result: dict[str, Any] = {"parameters": model.num_parameters(), "shared": {}}

    def groups(direction: Direction, split: str) -> dict[str, Group]:
        return {
            lang: Group(model, tokenizer, babel.examples(lang, direction, split))
            for lang in babel.languages
        }

    shared = groups("en-to-lang", "shared")
    result["shared"] = _rates(shared, Group.vanilla)
    result["shared"]["en"] = _rate([next(iter(shared.values())).source()])
    n_layers = model.config.num_hidden_layers
    for direction in DIRECTIONS:
        result[direction] = _direction(
            groups(direction, "pilot"), groups(direction, "unseen"), n_layers
        )
    return result


def _direction(
    pilot: dict[str, Group], unseen: dict[str, Group], n_layers: int
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "source": _rates(unseen, Group.source),
        "vanilla": _rates(unseen, Group.vanilla),
    }
    for site in SITES:
        grid = torch.zeros(n_layers, n_layers, dtype=torch.long)
        for i in range(n_layers):
            for j in range(n_layers):
                grid[i, j] = sum(
                    int(group.transplant(site, i, j).greedy.sum()) for group in pilot.values()
                )
        pairs = [(i, j) for i in range(n_layers) for j in range(n_layers)]
        i, j = min(pairs, key=lambda pair: (-int(grid[pair]), pair[1], -pair[0]))
        result[site] = {
            "pair": [i, j],
            "pilot_grid": grid.tolist(),
            "transplant": _rates(unseen, lambda group: group.transplant(site, i, j)),
            "other entity": _rates(unseen, lambda group: group.transplant(site, i, j, other=True)),
        }
    return result


def _rates(groups: dict[str, Group], ask: Callable[[Group], Score]) -> dict[str, Any]:
    scores = {lang: ask(group) for lang, group in groups.items()}
    rates = {lang: _rate([score]) for lang, score in scores.items()}
    return {**rates, "all": _rate(list(scores.values()))}


def _rate(scores: list[Score]) -> dict[str, float]:
    greedy = torch.cat([score.greedy for score in scores]).double().mean().item()
    among = torch.cat([score.among_candidates for score in scores]).double().mean().item()
    return {"greedy": round(greedy, 4), "candidates": round(among, 4)}


def table(result: dict[str, Any]) -> str:
    """The model card's table: percent right by the greedy next token."""
    langs = [*babel.languages, "all"]
    rows = [("shared facts", result["shared"], "en " + _percent(result["shared"]["en"]))]
    for direction in DIRECTIONS:
        part = result[direction]
        rows.append((f"{direction}: source prompt", part["source"], ""))
        rows.append((f"{direction}: vanilla", part["vanilla"], ""))
        for site in SITES:
            pair = "→".join(str(layer) for layer in part[site]["pair"])
            rows.append((f"{direction}: {site}-swap", part[site]["transplant"], pair))
            rows.append((f"{direction}: {site}-swap, other", part[site]["other entity"], pair))
    lines = ["| | " + " | ".join(langs) + " | |", "|---|" + "--:|" * len(langs) + "---|"]
    for name, rates, note in rows:
        cells = " | ".join(_percent(rates[lang]) for lang in langs)
        lines.append(f"| {name} | {cells} | {note} |")
    return "\n".join(lines)


def _percent(rate: dict[str, float]) -> str:
    return f"{100 * rate['greedy']:.0f}"


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
