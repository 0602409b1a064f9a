"""Which layer pairs: by name, by number, or as another run or a file chose them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.options import parse_layers
from xtransplant.prompts import Example, item_digest
from xtransplant.runs.check import check_intact
from xtransplant.runs.columns import CORRECT
from xtransplant.runs.read import cells, item_digests
from xtransplant.runs.store import Run, open_run
from xtransplant.stats.selection import Hits, choose_pair, count_hits, sum_hits
from xtransplant.text import parse_json, read_text

__all__ = [
    "Chosen",
    "Pairs",
    "choose_pairs",
    "list_pairs",
    "parse_pairs",
    "read_chosen",
    "write_chosen",
]

Pair = tuple[int, int]
_NAMES = ("overall", "source-last", "target-first", "diagonal")
_ENDS = {"first": 0, "last": -1}
_PAIR = re.compile(r"(first|last|-?\d{1,9}):(first|last|-?\d{1,9})", re.ASCII)
_DIGITS = 16  # of an item's digest: enough to tell items apart, few enough to write down


@dataclass(frozen=True)
class Chosen:
    """Pairs that a pilot chose.

    Attributes:
        origin: the run or file they come from.
        pairs: by (task, strategy, language); task or strategy is ``""`` where the file
            does not say, and then holds for all.
        items: the first digits of the digests of all examples that they were chosen on; None
            where nothing says.
        only: which of these examples counted: all, the gap, or the shared.
        right: on how many each pair was right there, by the same keys; empty where nothing says.
    """

    origin: str
    pairs: dict[tuple[str, str, str], Pair]
    items: frozenset[str] | None = None
    only: str = "all"
    right: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def find(self, task: str, strategy: str, lang: str) -> Pair:
        """The pair for a language.

        Raises:
            XTransplantError: none was chosen.
        """
        for key in ((task, strategy, lang), ("", "", lang)):
            if key in self.pairs:
                return self.pairs[key]
        there = ", ".join(sorted({lang for _, _, lang in self.pairs})) or "none"
        raise XTransplantError(
            f"{self.origin} holds no pair for {strategy} on {task} in {lang}; "
            f"it has languages {there}; choose with --langs"
        )

    def knows(self, strategy: str) -> bool:
        """Whether there is a pair for a strategy, anywhere."""
        return any(of in ("", strategy) for _, of, _ in self.pairs)

    def has(self, task: str, strategy: str, lang: str) -> bool:
        """Whether there is a pair for a language."""
        return (task, strategy, lang) in self.pairs or ("", "", lang) in self.pairs

    def in_sample(self, examples: Iterable[Example]) -> int:
        """On how many of these examples the pairs were chosen; -1 where nothing says."""
        if self.items is None:
            return -1
        return sum(item_digest(one)[:_DIGITS] in self.items for one in examples)


Pairs = str | Chosen


def parse_pairs(text: str, *, across: bool = False) -> Pairs:
    """What ``--pairs`` means: names and numbers as they are, or pairs that were chosen.

    It is ``overall``, ``source-last`` (i = N-1), ``target-first`` (j = 0), ``diagonal`` (i = j),
    ``I:J`` (also ``last:first`` and several, ``4:2,5:2``), or ``@PATH``: a run's folder or a JSON
    file of pairs by language.

    Args:
        text: as a user gives it.
        across: of a run, one pair for all languages instead of one for each.

    Raises:
        XTransplantError: anything else, a run or file that cannot be read, or pairs to be chosen
            across languages where nothing is chosen.
    """
    if across and not (text.startswith("@") and Path(text[1:]).is_dir()):
        raise XTransplantError(
            f"--across chooses one pair for all languages on a run, and --pairs {text} is none: "
            "give --pairs @RUN, or leave --across out"
        )
    if text.startswith("@"):
        return read_chosen(Path(text[1:]), across=across)
    if text not in _NAMES and not all(_PAIR.fullmatch(one) for one in text.split(",")):
        raise XTransplantError(
            f"--pairs {text!r} should be {', '.join(_NAMES)}, a pair such as 5:2 or last:first, "
            "@RUN or @FILE.json"
        )
    return text


def list_pairs(
    text: str, n_layers: int, source_layers: str = "all", target_layers: str = "all"
) -> list[Pair]:
    """The pairs that a text means for a model of ``n_layers``.

    Args:
        text: as ``--pairs`` has it; see :func:`parse_pairs`.
        n_layers: of the model.
        source_layers: of these pairs those that read there; as ``--source-layers`` has it.
        target_layers: and that write there.

    Raises:
        XTransplantError: a layer that the model has not, or no pair is left.
    """
    sources = parse_layers(source_layers, n_layers, "--source-layers")
    targets = parse_layers(target_layers, n_layers, "--target-layers")
    found = [(i, j) for i, j in _named_pairs(text, n_layers) if i in sources and j in targets]
    if not found:
        raise XTransplantError(
            f"--pairs {text}, --source-layers {source_layers} and --target-layers {target_layers} "
            f"have no layer pair in common in a model of {n_layers} layers"
        )
    return found


def _named_pairs(text: str, n_layers: int) -> list[Pair]:
    layers, last = range(n_layers), n_layers - 1
    if text == "overall":
        return list(product(layers, layers))
    if text == "source-last":
        return [(last, j) for j in layers]
    if text == "target-first":
        return [(i, 0) for i in layers]
    if text == "diagonal":
        return [(k, k) for k in layers]
    found = []
    for one in text.split(","):
        numbers = [int(_ENDS.get(end, end)) for end in one.split(":")]
        if any(not -n_layers <= number < n_layers for number in numbers):
            raise XTransplantError(
                f"--pairs {one} is out of range: the model has layers 0 to {last}"
            )
        found.append((layers[numbers[0]], layers[numbers[1]]))
    return list(dict.fromkeys(found))


def choose_pairs(path: str | Path, *, level: str = "match", across: bool = False) -> Chosen:
    """The pairs that a complete run's records choose.

    Most correct answers win; ties: smallest target layer, then largest source layer.

    Args:
        path: folder of the run.
        level: how strictly an answer is judged: ``strict``, ``match`` or ``lenient``.
        across: one pair for all languages of a task instead of one for each.

    Raises:
        XTransplantError: no run there, or one that is damaged or not complete.
    """
    run = check_intact(open_run(path))
    if run.missing():
        raise XTransplantError(
            f"run {run.path.name} is not complete: {len(run.missing())} parts are missing; "
            "finish it before pairs are chosen on it"
        )
    pairs: dict[tuple[str, str, str], Pair] = {}
    right: dict[tuple[str, str, str], int] = {}
    for task in run.manifest.tasks:
        for strategy, hits in _hits_by_language(run, task, level).items():
            shared = choose_pair(sum_hits(list(hits.values()))) if across else None
            for lang, own in hits.items():
                pair = pairs[task, strategy, lang] = shared or choose_pair(own)
                right[task, strategy, lang] = own[pair]
    return Chosen(f"run {run.path.name}", pairs, _items(run), run.manifest.only, right)


def _hits_by_language(run: Run, task: str, level: str) -> dict[str, dict[str, Hits]]:
    """Right answers of a task's pairs, by strategy and language."""
    found: dict[str, dict[str, Hits]] = {}
    for lang in run.manifest.tasks[task].languages:
        for strategy, own in cells(run, task, lang):
            if strategy in run.manifest.strategies:
                right = own.right[:, CORRECT.index(level)]
                hits = count_hits(own.source_layers, own.target_layers, right)
                found.setdefault(strategy, {})[lang] = hits
    return found


def _items(run: Run) -> frozenset[str]:
    """What a run's examples are known by."""
    return frozenset(digest[:_DIGITS] for digest in item_digests(run))


def read_chosen(path: Path, *, across: bool = False) -> Chosen:
    """Pairs that were chosen before.

    Of a run's folder, of a ``pairs.json`` that ``xtp pilot`` wrote, or of the paper's
    ``saved_pairs`` (``{"sw": [10, 10], ...}``).

    Raises:
        XTransplantError: neither.
    """
    if path.is_dir():
        return choose_pairs(path, across=across)
    try:
        document = parse_json(read_text(path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{error}; write it as JSON"
        raise XTransplantError(f"--pairs @{path} cannot be read: {why}") from error
    pairs: dict[tuple[str, str, str], Pair] = {}
    items, only = None, "all"
    if isinstance(document, dict) and "pairs" in document:
        try:
            for entry in document["pairs"]:
                key = (str(entry["task"]), str(entry["strategy"]), str(entry["lang"]))
                pairs[key] = _pair(entry["pair"], path)
            if "items" in document:
                items = frozenset(str(item)[:_DIGITS] for item in document["items"])
            only = str(document.get("only", only))
        except (KeyError, TypeError) as error:
            raise XTransplantError(
                f"--pairs @{path} is no pairs.json of xtp pilot ({type(error).__name__}: {error}); "
                "name the pilot run's folder instead: --pairs @RUN"
            ) from error
    elif isinstance(document, dict):
        pairs = {("", "", lang): _pair(pair, path) for lang, pair in document.items()}
    if not pairs:
        raise XTransplantError(f'--pairs @{path} should hold pairs by language: {{"sw": [10, 4]}}')
    return Chosen(str(path), pairs, items, only)


def write_chosen(chosen: Chosen, path: Path) -> None:
    """Write pairs down as ``--pairs @FILE`` reads them, with the items they were chosen on.

    Raises:
        XTransplantError: the file cannot be written.
    """
    entries = [
        {"task": task, "strategy": strategy, "lang": lang, "pair": list(pair)}
        for (task, strategy, lang), pair in chosen.pairs.items()
    ]
    document: dict[str, object] = {"origin": chosen.origin, "pairs": entries}
    if chosen.only != "all":
        document["only"] = chosen.only
    if chosen.items is not None:
        document["items"] = sorted(chosen.items)
    try:
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise XTransplantError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _pair(value: object, path: Path) -> Pair:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(type(layer) is int and layer >= 0 for layer in value)
    ):
        raise XTransplantError(f"--pairs @{path}: {value!r} should be [source layer, target layer]")
    return value[0], value[1]
