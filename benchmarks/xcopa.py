"""XCOPA: which of two options is the cause or the effect? (Ponti et al., 2020; arXiv 2005.00333)

Hub: ``cambridgeltl/xcopa``, test split, its ``translation-LANG`` as the English counterpart; 50
items drawn for the pilot. Folder: the paper's ``XCOPA/XCOPA_{sample,unseen}/{split,en,ans}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.tasks import hub
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.folder import has_layout, languages_there, read_parts
from xtransplant.tasks.languages import named
from xtransplant.tasks.parallel import (
    Parallel,
    Side,
    choice_key,
    directed,
    option_lines,
    piloted,
)
from xtransplant.tasks.task import Direction, Task

__all__ = ["examples", "xcopa"]

_OPTIONS = ("1", "2")
_SAYS = tuple(f"({mark})" for mark in _OPTIONS)

# Per language: premise, which is the cause, which is the effect, how the answer begins.
_WORDS = {
    "en": ("Premise", "Which option is more likely its cause?",
           "Which option is more likely its effect?", "The answer is:"),
    "et": ("Eeldus", "Kumb valik on tõenäolisemalt selle põhjus?",
           "Kumb valik on tõenäolisemalt selle tagajärg?", "Vastus on:"),
    "ht": ("Premis", "Ki opsyon ki gen plis chans pou se kòz li?",
           "Ki opsyon ki gen plis chans pou se efè li?", "Repons lan se:"),
    "id": ("Premis", "Pilihan mana yang lebih mungkin menjadi penyebabnya?",
           "Pilihan mana yang lebih mungkin menjadi akibatnya?", "Jawabannya adalah:"),
    "it": ("Premessa", "Quale opzione ne è più probabilmente la causa?",
           "Quale opzione ne è più probabilmente l'effetto?", "La risposta è:"),
    "qu": ("Ñawpaq rimay", "¿Mayqin akllanataq aswan hina paypa qallariynin kanman?",
           "¿Mayqin akllanataq aswan hina paypa tukuynin kanman?", "Kutichiyqa:"),
    "sw": ("Dai", "Chaguo lipi lina uwezekano zaidi wa kuwa sababu yake?",
           "Chaguo lipi lina uwezekano zaidi wa kuwa matokeo yake?", "Jibu ni:"),
    "ta": ("முன்கூற்று", "எந்த விருப்பம் இதன் காரணமாக இருக்க வாய்ப்பு அதிகம்?",
           "எந்த விருப்பம் இதன் விளைவாக இருக்க வாய்ப்பு அதிகம்?", "பதில்:"),
    "th": ("ข้อความตั้งต้น", "ตัวเลือกใดน่าจะเป็นสาเหตุมากกว่า",
           "ตัวเลือกใดน่าจะเป็นผลลัพธ์มากกว่า", "คำตอบคือ:"),
    "tr": ("Öncül", "Hangi seçenek büyük olasılıkla bunun nedenidir?",
           "Hangi seçenek büyük olasılıkla bunun sonucudur?", "Cevap:"),
    "vi": ("Tiền đề", "Lựa chọn nào có khả năng là nguyên nhân hơn?",
           "Lựa chọn nào có khả năng là kết quả hơn?", "Câu trả lời là:"),
    "zh": ("前提", "哪个选项更可能是它的原因？", "哪个选项更可能是它的结果？", "答案是："),
}  # fmt: skip


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "XCOPA") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {"other": f"split/{lang}.json", "gold": f"ans/{lang}.json", "gold en": "ans/en.json"}
    # Each language has an English counterpart of its own; Quechua has none and takes COPA's.
    assert data.data_dir is not None
    counterpart = Path("en") / f"{'en' if lang == 'qu' else lang}.json"
    parts = read_parts(data, "XCOPA", split, {**files, "english": str(counterpart)})

    def side(prompt: str, gold: object, k: int) -> Side:
        if str(gold) not in _OPTIONS:
            raise XTransplantError(f"XCOPA ans/{lang}.json line {k + 1}: {gold!r} is not 1 or 2")
        return Side(prompt, choice_key(str(gold), _OPTIONS), _SAYS)

    return [
        Parallel(
            f"xcopa-{split}-{k}",
            side(parts["english"][k], parts["gold en"][k], k),
            side(parts["other"][k], parts["gold"][k], k),
        )
        for k in range(len(parts["other"]))
    ]


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    columns = ("premise", "choice1", "choice2", "question", "label", "idx")
    repo = "cambridgeltl/xcopa"
    other = hub.rows(repo, lang, "test", data, columns)
    if lang == "qu":
        raise XTransplantError(
            f"{repo} has no English counterpart for qu; leave it out, or give the paper's data "
            "with --data-dir"
        )
    english = {
        row["idx"]: row for row in hub.rows(repo, f"translation-{lang}", "test", data, columns)
    }
    missing = [row["idx"] for row in other if row["idx"] not in english]
    if missing:
        raise XTransplantError(f"{repo} translation-{lang} lacks items {missing[:5]} of {lang}")

    def side(code: str, row: dict[str, Any]) -> Side:
        premise, cause, effect, lead = _WORDS[code]
        if row["label"] not in (0, 1) or row["question"] not in ("cause", "effect"):
            raise XTransplantError(
                f"{repo} {code} item {row['idx']}: label {row['label']!r}, question "
                f"{row['question']!r}; they should be 0 or 1, cause or effect"
            )
        ask = cause if row["question"] == "cause" else effect
        options = option_lines(_OPTIONS, (row["choice1"], row["choice2"]))
        prompt = f"{premise}: {row['premise']}\n{options}\n\n{ask}\n\n{lead}"
        return Side(prompt, choice_key(_OPTIONS[row["label"]], _OPTIONS), _SAYS)

    return [
        Parallel(
            f"xcopa-{other[k]['idx']}", side("en", english[other[k]["idx"]]), side(lang, other[k])
        )
        for k in piloted(len(other), split, data.seed)
    ]


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

xcopa = Task(
    name="xcopa",
    summary="Cause or effect, two options, 11 languages besides English.",
    version="1",
    licence="CC-BY-4.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "XCOPA", "split/{}.json", _LANGUAGES),
    direction="en-to-lang",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="choice",
)
