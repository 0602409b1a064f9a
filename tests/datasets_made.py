"""Small copies of the tasks' datasets: clones of the hub's, and folders in the paper's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtransplant.tasks.data import DataSource

Datum = dict[str, Any]


def clone(root: Path, repo: str, config: str, split: str, rows: list[Datum]) -> None:
    """A clone of one configuration of a hub dataset: Parquet files and the card that names them."""
    folder = root / repo
    (folder / config).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / config / f"{split}-00000.parquet")
    configs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    lines = ["---", "configs:"]
    for name in configs:
        lines += [f"- config_name: {name}", "  data_files:"]
        for path in sorted((folder / name).glob("*.parquet")):
            lines += [f"  - split: {path.name.split('-')[0]}", f"    path: {name}/{path.name}"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def xnli_rows(lang: str, n: int = 8) -> list[Datum]:
    return [
        {"premise": f"{lang} premise {k} " + "w " * k, "hypothesis": f"{lang} {k}", "label": k % 3}
        for k in range(n)
    ]


def squad_rows(lang: str, n: int = 60) -> list[Datum]:
    return [
        {"id": f"q{k}", "context": f"{lang} context {k}", "question": f"{lang} {k}?",
         "answers": {"text": [f"{lang} answer {k}"], "answer_start": [0]}}
        for k in range(n)
    ]  # fmt: skip


def copa_rows(lang: str, n: int = 60) -> list[Datum]:
    return [
        {"premise": f"{lang} {k}", "choice1": "x", "choice2": "y", "label": k % 2, "idx": k,
         "question": "cause" if k % 3 else "effect", "changed": False}
        for k in range(n)
    ]  # fmt: skip


def mkqa_rows(n: int = 60) -> list[Datum]:
    short = [{"type": 0, "entity": "Q1", "text": "Nairobi", "aliases": ["Nairobi City"]}]
    return [
        {"example_id": f"m{k}", "queries": {"en": f"who {k}", "ar": f"من {k}"}, "query": f"who {k}",
         "answers": {
             "en": short if k % 4 else [{"type": 2, "entity": "", "text": None, "aliases": []}],
             "ar": [{"type": 0, "entity": "Q1", "text": "نيروبي", "aliases": []}]}}
        for k in range(n)
    ]  # fmt: skip


def belebele_rows(lang: str, n: int = 60) -> list[Datum]:
    """Two questions a passage; languages do not have them in one order."""
    found: list[Datum] = [
        {"link": f"https://w/{k // 2}", "question_number": 1 + k % 2, "dialect": lang, "ds": "2023",
         "flores_passage": f"{lang} passage {k // 2} " + "w " * k, "question": f"{lang} {k}?",
         **{f"mc_answer{m}": f"{lang} {m}" for m in (1, 2, 3, 4)},
         "correct_answer_num": str(1 + k % 4)}
        for k in range(n)
    ]  # fmt: skip
    return found if lang == "eng_Latn" else found[::-1]


def exam_rows(lang: str, n: int = 120) -> list[Datum]:
    """Every other one needs knowledge of a culture."""
    return [
        {"sample_id": f"exam/test/{k}", "subject": "x", "question": f"{lang} {k} " + "w " * k,
         **{f"option_{letter}": f"{lang} {letter}{k}" for letter in "abcd"},
         "answer": "ABCD"[k % 4], "cultural_sensitivity_label": "CS" if k % 2 else "CA"}
        for k in range(n)
    ]  # fmt: skip


def hub_clones(root: Path) -> DataSource:
    """Clones of all eight datasets, tiny, with the schema of the real ones."""
    for lang in ("eng_Latn", "swh_Latn"):
        clone(root, "facebook/belebele", lang, "test", belebele_rows(lang))
    for lang in ("en", "yo"):
        clone(root, "CohereLabs/Global-MMLU-Lite", lang, "test", exam_rows(lang))
    for lang in ("en", "de"):
        for split in ("validation", "test"):
            clone(root, "facebook/xnli", lang, split, xnli_rows(lang))
        clone(root, "google/xquad", f"xquad.{lang}", "validation", squad_rows(lang))
    for config in ("sw", "translation-sw", "qu"):
        clone(root, "cambridgeltl/xcopa", config, "test", copa_rows(config))
    clone(root, "apple/mkqa", "mkqa", "train", mkqa_rows())
    opinions: list[Datum] = [
        {"question": f"Is {k} enough?", "options": "['Yes', 'No', 'Unsure']", "source": "GAS",
         "selections": "defaultdict(<class 'list'>, {'Kenya': [0.2, 0.7, 0.1], 'France': "
                       "[0.6, 0.3, 0.1], 'Tanzania': [0.5, 0.5]})"}
        for k in range(60)
    ]  # fmt: skip
    clone(root, "Anthropic/llm_global_opinions", "default", "train", opinions)
    culture: list[Datum] = [
        {"data_idx": str(k), "question_idx": str(k // 4), "prompt_question": f"What {k}?",
         "prompt_option": "Rice", "answer": k % 4 == 0, "country": "Japan" if k % 2 else "Kenya"}
        for k in range(240)
    ]  # fmt: skip
    clone(root, "kellycyy/CulturalBench", "CulturalBench-Hard", "test", culture)
    return DataSource(data_dir=root)


def lay_out(root: Path, files: dict[str, list[Any]]) -> None:
    """Files of one value per line."""
    for path, rows in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def xnli_folder(root: Path, n: int = 30, **changes: list[Any]) -> DataSource:
    """XNLI in the paper's layout, English and Swahili."""
    files: dict[str, list[Any]] = {}
    for lang in ("en", "sw"):
        files[f"split/{lang}.json"] = [f"{lang} " + "w" * (3 * k + 5) for k in range(n)]
        files[f"ans/{lang}.json"] = [str(1 + k % 3) for k in range(n)]
        files[f"ans_lang/{lang}.json"] = [{"1": "Yes", "2": "Maybe", "3": "No"}]
    lay_out(root / "XNLI" / "XNLI_sample", {**files, **changes})
    return DataSource(root)
