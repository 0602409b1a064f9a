"""Runs made up without a model: on disk, and counted already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xtransplant import Example
from xtransplant.bench.judge import judge
from xtransplant.prompts import Key
from xtransplant.report.summary import LanguageCounts, Summary, TaskCounts
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import Run, create_run
from xtransplant.stats import Rate, Tally, tally

OPTIONS = ("1", "2", "3")
Pair = tuple[int, int]
PAIRS = [(i, j) for i in range(4) for j in range(4)]
N = 12


def make_run(
    folder: Path, *, strategies: Sequence[str] = ("attn-swap", "ffn-swap"),
    langs: Sequence[str] = ("sw", "zh"), split: str = "pilot", model: str = "org/model",
    pairs: Sequence[Pair] = PAIRS, own_pairs: Mapping[str, Pair] | None = None, seed: int = 0,
    left_out: dict[str, str] | None = None, asked: str = "overall", direction: str = "en-to-lang",
    rule: str = "choice", digest: str = "", bad: bool = False, idle: bool = False,
    alike: bool = False, about: Mapping[str, Mapping[str, object]] | None = None,
    source: str = "source", nulls: Mapping[str, str] | None = None, passages: int = 0,
    n_nulls: int = N,
) -> Run:  # fmt: skip
    """A run whose model answers at random, better with ffn-swap 3→1.

    Args:
        about: what else the manifest says of some strategies.
        bad: of every example of ffn-swap the first pair is not finite.
        idle: attn-swap changes nothing.
        alike: all examples have the same answer.
        nulls, n_nulls: of some strategies the null whose grid was run, on how many first examples.
        source: the examples' source prompt; with another they are other items.
        passages: how many there are that the examples ask about.
    """
    dice = np.random.default_rng(seed)
    chosen = {
        lang: {s: [list((own_pairs or {})[lang])] for s in strategies} for lang in own_pairs or ()
    }
    languages = {lang: Language(N, digest, chosen.get(lang, {})) for lang in langs}
    entry = TaskEntry("1", "MIT", direction, split, "generate", rule, 8, languages,
                      left_out or {})  # fmt: skip
    manifest = Manifest(
        id=folder.name, schema=SCHEMA, config={"pairs": asked}, nulls=_null_grids(nulls or {}),
        model={"name": model, "n_layers": 4, "fingerprint": model},
        strategies={
            s: {"pairs": [] if own_pairs else [*map(list, pairs)], **(about or {}).get(s, {})}
            for s in strategies
        },
        tasks={"xnli": entry}, versions={}, machine={}, started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    run = create_run(folder, manifest)
    for part in manifest.parts():
        examples = [_asked(k, alike, source, passages) for k in range(N)]
        rows = Rows("generate")
        for name in (VANILLA, SOURCE, *strategies, *manifest.nulls):
            of = manifest.nulls.get(name, {}).get("strategy", name)
            own = [] if name in (VANILLA, SOURCE) else manifest.pairs(of, "xnli", part.lang)
            for k in range(part.start, min(part.stop, n_nulls if name in manifest.nulls else N)):
                outputs = []
                for pair in own or [(-1, -1)]:
                    gold = _key(k, alike).answers[0]
                    sure = name == SOURCE or (name == "ffn-swap" and pair == (3, 1))
                    said = gold if sure and dice.random() < 0.9 else str(dice.integers(1, 6))
                    outputs.append(f" ({said}) <b>&{name}_x</b>")
                finite = np.ones(len(own) or 1, dtype=bool)
                finite[0] = not (bad and name == "ffn-swap")
                unchanged = np.full(len(finite), idle and name == "attn-swap")
                rows.add(k, name, own, output=outputs, finite=finite, unchanged=unchanged)
        table, records = examples_table(examples, part.start, part.stop), rows.table()
        run.write("examples", part, table)
        run.write("records", part, records)
        run.write("correct", part, judge(records, table, rule))
    return run.finish()


def _asked(k: int, alike: bool, source: str, passages: int) -> Example:
    group = f"g{k % passages}" if passages else ""
    return replace(example(0 if alike else k), source=source, group=group)


def _null_grids(nulls: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {f"{s} [null {null}]": {"strategy": s, "null": null} for s, null in nulls.items()}


def _key(k: int, alike: bool = False) -> Key:
    return Key((OPTIONS[0 if alike else k % 3],), OPTIONS)


def example(k: int) -> Example:
    """The k-th example, judged by a key of three options."""
    key = _key(k)
    return Example("source", "target", (), None, f"e{k}", "en", "xx", key, key)


def make_summary(
    folder: Path, *, name: str = "run", model: str = "org/model", task: str = "xnli",
    split: str = "pilot", langs: Sequence[str] = ("sw",), strategies: Sequence[str] = ("ffn-swap",),
    pairs: Sequence[Pair] = PAIRS, asked: str = "overall", direction: str = "en-to-lang",
    mode: str = "generate", rule: str = "choice", why: str = "", n: int = N,
    absent: Sequence[int] = (), own_pairs: bool = False, in_sample: int = 0, digest: str = "",
    seed: int = 0,
) -> Summary:  # fmt: skip
    """A run counted, of made-up judgements; nothing is on disk."""
    dice = np.random.default_rng(seed)
    chosen = {s: [list(pairs[0])] for s in strategies} if own_pairs else {}
    languages = {lang: Language(n, digest, chosen) for lang in langs}
    for language in languages.values():
        object.__setattr__(language, "in_sample", in_sample)
    entry = TaskEntry(
        "1", "MIT", direction, split, mode, rule, 8, languages, {"xx": why} if why else {}
    )
    manifest = Manifest(
        id=name, schema=SCHEMA, config={"pairs": asked}, model={"name": model, "n_layers": 4},
        strategies={s: {"pairs": [] if own_pairs else [*map(list, pairs)]} for s in strategies},
        tasks={task: entry}, versions={}, machine={}, started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    own = pairs[:1] if own_pairs else pairs
    k, at = (axis.ravel() for axis in np.indices((n, len(own))))
    layers = np.array(own)[at]

    def counts() -> dict[str, Tally]:
        right, other = dice.random((2, len(k), 3)) < 0.3
        return {
            level: tally(k, layers[:, 0], layers[:, 1], right[:, c], other[:, c])
            for c, level in enumerate(CORRECT)
        }

    plain = {level: Rate(int(dice.integers(n + 1)), n) for level in CORRECT}
    counted = {
        lang: LanguageCounts(plain, plain, {s: counts() for s in strategies}, {}) for lang in langs
    }
    parts = list(manifest.parts())
    return Summary(
        name, folder / name, manifest,
        {task: TaskCounts(task, split, mode, counted, entry.left_out, {})},
        tuple(parts[number] for number in absent),
    )  # fmt: skip
