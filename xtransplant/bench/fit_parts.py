"""The activations that a fit is made of: captured part by part, each stored once it is whole.

A part holds, by language, the sum of its prompts' vectors, and where pairs are wanted the vectors
themselves; so memory holds one part, and a fit that was interrupted goes on where it was.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xtransplant.files import write_atomically
from xtransplant.prompts import Example
from xtransplant.strategies import Fitting

__all__ = ["PART_SIZE", "Parts", "StoredStatistics"]

PART_SIZE = 16  # examples: what a kill costs
_MOST_BYTES = 2**28  # of vectors of source prompts, which languages share

Pool = Callable[[str], Tensor]


@dataclass(frozen=True)
class Parts:
    """The parts of one fit.

    Attributes:
        folder: where they lie.
        identity: of what they are parts of; others in the folder do not count.
        fitting: what is captured.
        examples: of all languages, in order.
        about: what the identity is of, as the fit's manifest says it; kept with each part.
    """

    folder: Path
    identity: str
    fitting: Fitting
    examples: Sequence[Example]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many there are, captured or not."""
        return -(-len(self.examples) // PART_SIZE)

    def of(self, number: int) -> Sequence[Example]:
        """The examples of a part."""
        return self.examples[number * PART_SIZE : (number + 1) * PART_SIZE]

    def path(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:05}.safetensors"

    def has(self, number: int) -> bool:
        """Whether a part is stored, whole and of this fit."""
        try:
            with safe_open(self.path(number), framework="pt") as file:
                return bool((file.metadata() or {}).get("identity") == self.identity)
        except (OSError, SafetensorError):
            return False

    def stored_about(self) -> dict[str, Any]:
        """What the first stored part is of, whichever fit's; nothing if it does not say."""
        for number in range(len(self)):
            try:
                with safe_open(self.path(number), framework="pt") as file:
                    found = json.loads((file.metadata() or {}).get("about", "{}"))
                    return dict(found)
            except (OSError, SafetensorError, ValueError):
                continue
        return {}

    def capture(self, pool: Pool, done: Callable[[int], None], read: Callable[[int], None]) -> None:
        """Capture and store the parts that are missing.

        Args:
            pool: gives the vectors of a prompt, ``[n_layers, ...]``.
            done: called after each part with how many examples are stored.
            read: called after each example with how many are read, of a part that is not stored.

        Raises:
            XTransplantError: an unusable prompt, or a disk that cannot be written.
        """
        known: OrderedDict[str, Tensor] = OrderedDict()
        own = json.dumps(self.about)

        def kept(prompt: str) -> Tensor:
            if prompt not in known:
                known[prompt] = pool(prompt)
            known.move_to_end(prompt)
            while len(known) > 1 and sum(one.nbytes for one in known.values()) > _MOST_BYTES:
                known.popitem(last=False)
            return known[prompt]

        for number in range(len(self)):
            if not self.has(number):
                tensors, langs, counts = self._part(number, kept, read)
                about = {"identity": self.identity, "langs": json.dumps(langs)}
                with write_atomically(self.path(number)) as draft:
                    save_file(tensors, draft, {**about, "counts": json.dumps(counts), "about": own})
            done(min(len(self.examples), (number + 1) * PART_SIZE))

    @cached_property
    def _first(self) -> dict[tuple[str, str], int]:
        """The first example that each prompt of each language stands in: it counts once."""
        found: dict[tuple[str, str], int] = {}
        for number, one in enumerate(self.examples):
            for prompt in ((one.source_lang, one.source), (one.target_lang, one.target)):
                found.setdefault(prompt, number)
        return found

    def _part(
        self, number: int, pool: Pool, read: Callable[[int], None]
    ) -> tuple[dict[str, Tensor], list[str], dict[str, int]]:
        """A part's tensors, the target's language of each example, and how many prompts it sums."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        rows: dict[str, list[Tensor]] = {"source": [], "target": []}
        own = self.of(number)
        for k, one in enumerate(own, number * PART_SIZE):
            both = (one.source_lang, one.source), (one.target_lang, one.target)
            if self.fitting.pairs:
                for side, (_, prompt) in zip(rows, both, strict=True):
                    rows[side].append(pool(prompt))
            for lang, prompt in dict.fromkeys(both):
                if self._first[lang, prompt] != k:
                    continue
                vector = pool(prompt).double()
                name = f"sum/{lang}"
                sums[name] = sums[name] + vector if name in sums else vector
                counts[lang] = counts.get(lang, 0) + 1
            read(k + 1)
        stacked = {side: torch.stack(own) for side, own in rows.items() if own}
        return {**sums, **stacked}, [one.target_lang for one in own], counts


class StoredStatistics:
    """What a fit's function is given, read from the stored parts as it is asked for.

    Attributes:
        languages: whose prompts there are.
        target_languages: those of target prompts.
        n_layers: of the model.
    """

    def __init__(self, parts: Parts) -> None:
        """Read what sums there are; all parts are stored.

        Args:
            parts: of the fit.
        """
        self._parts = parts
        self._counts: dict[str, int] = {}
        self._sums: dict[str, Tensor] = {}
        self._langs: list[list[str]] = []
        for number in range(len(parts)):
            with safe_open(parts.path(number), framework="pt") as file:
                about = file.metadata()
                self._langs.append(json.loads(about["langs"]))
                for lang, count in json.loads(about["counts"]).items():
                    own = file.get_tensor(f"sum/{lang}")
                    self._counts[lang] = self._counts.get(lang, 0) + count
                    self._sums[lang] = self._sums[lang] + own if lang in self._sums else own
        self.languages: tuple[str, ...] = tuple(self._sums)
        every = (lang for langs in self._langs for lang in langs)
        self.target_languages: tuple[str, ...] = tuple(dict.fromkeys(every))
        self.n_layers = len(next(iter(self._sums.values())))

    def mean(self, lang: str) -> Tensor:
        """The mean over the distinct prompts of a language, ``[n_layers, width]``, float32."""
        self._check_lang(lang)
        return (self._sums[lang] / self._counts[lang]).float()

    def count(self, lang: str) -> int:
        """How many distinct prompts of a language there are."""
        self._check_lang(lang)
        return self._counts[lang]

    def vectors(self, lang: str, layer: int) -> Tensor:
        """The vector of each distinct prompt of a language, in one order at all layers.

        Args:
            lang: of source or target prompts.
            layer: from 0.

        Returns:
            ``[n, width]``, float32.
        """
        self._check_pairs("vectors")
        self._check_lang(lang)
        rows: list[Tensor] = []
        seen: set[str] = set()
        for number in range(len(self._parts)):
            with safe_open(self._parts.path(number), framework="pt") as file:
                for side in ("source", "target"):
                    own = file.get_slice(side)[:, layer].float()
                    for one, row in zip(self._parts.of(number), own, strict=True):
                        prompt = getattr(one, side)
                        if getattr(one, f"{side}_lang") == lang and prompt not in seen:
                            seen.add(prompt)
                            rows.append(row)
        return torch.stack(rows)

    def pairs(self, lang: str, layer: int) -> tuple[Any, Any]:
        """The vectors of target prompts in a language, and of their source prompts, row by row.

        Args:
            lang: of the target prompts.
            layer: from 0.

        Returns:
            Two tensors ``[n, width]``, float32.
        """
        self._check_pairs("pairs")
        found: tuple[list[Tensor], list[Tensor]] = ([], [])
        for number, langs in enumerate(self._langs):
            own = torch.tensor([one == lang for one in langs])
            if not own.any():
                continue
            with safe_open(self._parts.path(number), framework="pt") as file:
                for side, rows in zip(("target", "source"), found, strict=True):
                    rows.append(file.get_slice(side)[:, layer][own].float())
        if not found[0]:
            others = ", ".join(self.target_languages)
            raise KeyError(f"no target prompt is in {lang!r}; target_languages are {others}")
        target, source = (torch.cat(rows) for rows in found)
        return target, source

    def _check_lang(self, lang: str) -> None:
        if lang not in self._sums:
            raise KeyError(f"no prompt is in {lang!r}; languages are {', '.join(self.languages)}")

    def _check_pairs(self, name: str) -> None:
        if not self._parts.fitting.pairs:
            raise TypeError(
                f"stats.{name} needs the vector of every prompt, and sums alone are kept: "
                f'say @fitted("{self._parts.fitting.site}", pairs=True)'
            )
