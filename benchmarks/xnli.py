"""XNLI: does the premise entail the hypothesis? (Conneau et al., 2018; arXiv 1809.05053)

Hub: ``facebook/xnli``; the pilot is drawn from its validation split, unseen is its test split.
Folder: the paper's ``XNLI/XNLI_{sample,unseen}/{split,ans,ans_lang}/LANG.json``.
"""

from __future__ import annotations

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

__all__ = ["examples", "xnli"]

_OPTIONS = ("1", "2", "3")
_SAYS = tuple(f"({mark})" for mark in _OPTIONS)

# Per language: the question, premise, hypothesis, the three labels, how the answer begins.
_WORDS = {
    "en": ("How does the hypothesis follow from the premise?", "Premise", "Hypothesis",
           "Entailment", "Neutral", "Contradiction", "The answer is:"),
    "ar": ("ما العلاقة بين الفرضية والمقدمة؟", "المقدمة", "الفرضية",
           "استلزام", "محايد", "تناقض", "الجواب هو:"),
    "bg": ("Каква е връзката между предпоставката и хипотезата?", "Предпоставка", "Хипотеза",
           "Следва", "Неутрално", "Противоречие", "Отговорът е:"),
    "de": ("Wie folgt die Hypothese aus der Prämisse?", "Prämisse", "Hypothese",
           "Folgerung", "Neutral", "Widerspruch", "Die Antwort ist:"),
    "el": ("Ποια είναι η σχέση της υπόθεσης με την πρόταση;", "Πρόταση", "Υπόθεση",
           "Συνεπαγωγή", "Ουδέτερη", "Αντίφαση", "Η απάντηση είναι:"),
    "es": ("¿Cómo se sigue la hipótesis de la premisa?", "Premisa", "Hipótesis",
           "Implicación", "Neutral", "Contradicción", "La respuesta es:"),
    "fr": ("Comment l'hypothèse découle-t-elle de la prémisse ?", "Prémisse", "Hypothèse",
           "Implication", "Neutre", "Contradiction", "La réponse est :"),
    "hi": ("आधार और परिकल्पना के बीच क्या संबंध है?", "आधार", "परिकल्पना",
           "निष्कर्ष", "तटस्थ", "विरोध", "उत्तर है:"),
    "ru": ("Как гипотеза связана с посылкой?", "Посылка", "Гипотеза",
           "Следствие", "Нейтрально", "Противоречие", "Ответ:"),
    "sw": ("Kuna uhusiano gani kati ya dai na dhana?", "Dai", "Dhana",
           "Inafuata", "Haihusiani", "Inapingana", "Jibu ni:"),
    "th": ("สมมติฐานเกี่ยวข้องกับข้อความตั้งต้นอย่างไร", "ข้อความตั้งต้น", "สมมติฐาน",
           "เป็นผลตาม", "เป็นกลาง", "ขัดแย้ง", "คำตอบคือ:"),
    "tr": ("Hipotez ile öncül arasındaki ilişki nedir?", "Öncül", "Hipotez",
           "Gerektirme", "Nötr", "Çelişki", "Cevap:"),
    "ur": ("مقدمے اور مفروضے کے درمیان کیا تعلق ہے؟", "مقدمہ", "مفروضہ",
           "لازم آنا", "غیر جانبدار", "تضاد", "جواب ہے:"),
    "vi": ("Giả thuyết liên quan thế nào đến tiền đề?", "Tiền đề", "Giả thuyết",
           "Kéo theo", "Trung lập", "Mâu thuẫn", "Câu trả lời là:"),
    "zh": ("假设与前提之间是什么关系？", "前提", "假设", "蕴含", "中立", "矛盾", "答案是："),
}  # fmt: skip


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "XNLI") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {
        f"{what} {code}": f"{what}/{code}.json"
        for what in ("split", "ans")
        for code in ("en", lang)
    }
    parts = read_parts(data, "XNLI", split, files)
    labels = {}
    for code in ("en", lang):
        named_labels = read_parts(data, "XNLI", split, {"labels": f"ans_lang/{code}.json"})
        labels[code] = tuple(named_labels["labels"][0][mark] for mark in _OPTIONS)

    def side(code: str, k: int) -> Side:
        gold = str(parts[f"ans {code}"][k])
        if gold not in _OPTIONS:
            raise XTransplantError(f"XNLI ans/{code}.json line {k + 1}: {gold!r} is not 1, 2 or 3")
        return Side(parts[f"split {code}"][k], choice_key(gold, _OPTIONS, labels[code]), _SAYS)

    return [
        Parallel(f"xnli-{split}-{k}", side("en", k), side(lang, k))
        for k in range(len(parts["split en"]))
    ]


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    part = "validation" if split == "pilot" else "test"
    columns = ("premise", "hypothesis", "label")
    english, other = (hub.rows("facebook/xnli", code, part, data, columns) for code in ("en", lang))
    if len(english) != len(other):
        raise XTransplantError(
            f"facebook/xnli {part} has {len(english)} rows in en and {len(other)} in {lang}; "
            "they should be the same items"
        )
    chosen = piloted(len(english), "pilot", data.seed) if split == "pilot" else range(len(english))

    def side(code: str, row: dict[str, object]) -> Side:
        ask, premise, hypothesis, *labels, lead = _WORDS[code]
        label = row["label"]
        if label not in (0, 1, 2):
            raise XTransplantError(f"facebook/xnli {code}: label {label!r} is not 0, 1 or 2")
        options = option_lines(_OPTIONS, labels)
        prompt = (
            f"{ask}\n\n{premise}: {row['premise']}\n{hypothesis}: {row['hypothesis']}\n\n"
            f"{options}\n\n{lead}"
        )
        return Side(prompt, choice_key(_OPTIONS[int(label)], _OPTIONS, labels), _SAYS)

    return [
        Parallel(f"xnli-{part}-{k}", side("en", english[k]), side(lang, other[k])) for k in chosen
    ]


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

xnli = Task(
    name="xnli",
    summary="Natural language inference, three options, 14 languages besides English.",
    version="1",
    licence="CC-BY-NC-4.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "XNLI", "split/{}.json", _LANGUAGES),
    direction="en-to-lang",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="choice",
)
