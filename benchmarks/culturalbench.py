"""CulturalBench-Hard: is this answer true for that country? (arXiv 2410.02677)

A culture task: the source prompt is in the country's language, the target in English. Each of a
question's four options is an example of its own, true or false. Hub: ``kellycyy/CulturalBench``, in
English only: the other language's prompt has its own words around the English question. Folder:
``CulturalBench/CulturalBench_{sample,unseen}/{split,translated}/LANG.json`` as GlobalOpinionQA's,
with ``label`` true or false.
"""

from __future__ import annotations

from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks import hub
from xtransplant.tasks.countries import language_of
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.folder import has_layout, languages_there, read_parts
from xtransplant.tasks.languages import named
from xtransplant.tasks.parallel import Parallel, Side, directed, piloted
from xtransplant.tasks.task import Direction, Task

__all__ = ["culturalbench", "examples"]

_REPO = "kellycyy/CulturalBench"
_OPTIONS = ("true", "false")

# Per language: question, answer, is it true or false, true, false, how the reply begins.
_WORDS = {
    "en": ("Question", "Answer", "Is this answer true or false?", "True", "False", "It is:"),
    "ar": ("السؤال", "الجواب", "هل هذا الجواب صحيح أم خطأ؟", "صحيح", "خطأ", "إنه:"),
    "bn": ("প্রশ্ন", "উত্তর", "এই উত্তরটি সত্য না মিথ্যা?", "সত্য", "মিথ্যা", "এটি:"),
    "cs": ("Otázka", "Odpověď", "Je tato odpověď pravdivá, nebo nepravdivá?", "Pravda",
           "Nepravda", "Je to:"),
    "de": ("Frage", "Antwort", "Ist diese Antwort wahr oder falsch?", "Wahr", "Falsch", "Sie ist:"),
    "es": ("Pregunta", "Respuesta", "¿Es esta respuesta verdadera o falsa?", "Verdadera", "Falsa",
           "Es:"),
    "fa": ("پرسش", "پاسخ", "آیا این پاسخ درست است یا نادرست؟", "درست", "غلط", "این پاسخ:"),
    "fr": ("Question", "Réponse", "Cette réponse est-elle vraie ou fausse ?", "Vraie", "Fausse",
           "Elle est :"),
    "he": ("שאלה", "תשובה", "האם התשובה נכונה או שגויה?", "נכונה", "שגויה", "התשובה:"),
    "hi": ("प्रश्न", "उत्तर", "यह उत्तर सही है या गलत?", "सही", "गलत", "यह है:"),
    "id": ("Pertanyaan", "Jawaban", "Apakah jawaban ini benar atau salah?", "Benar", "Salah",
           "Jawaban ini:"),
    "it": ("Domanda", "Risposta", "Questa risposta è vera o falsa?", "Vera", "Falsa", "È:"),
    "ja": ("質問", "答え", "この答えは正しいですか、間違いですか？", "正しい", "間違い",
           "この答えは："),
    "ko": ("질문", "답", "이 답은 참입니까, 거짓입니까?", "참", "거짓", "이 답은:"),
    "ms": ("Soalan", "Jawapan", "Adakah jawapan ini benar atau salah?", "Benar", "Salah",
           "Jawapan ini:"),
    "ne": ("प्रश्न", "उत्तर", "यो उत्तर सही हो कि गलत?", "सही", "गलत", "यो हो:"),
    "nl": ("Vraag", "Antwoord", "Is dit antwoord waar of onwaar?", "Waar", "Onjuist", "Het is:"),
    "pl": ("Pytanie", "Odpowiedź", "Czy ta odpowiedź jest prawdziwa czy fałszywa?", "Prawdziwa",
           "Fałszywa", "Jest:"),
    "pt": ("Pergunta", "Resposta", "Esta resposta é verdadeira ou falsa?", "Verdadeira", "Falsa",
           "É:"),
    "ro": ("Întrebare", "Răspuns", "Este acest răspuns adevărat sau fals?", "Adevărat", "Fals",
           "Este:"),
    "ru": ("Вопрос", "Ответ", "Этот ответ верный или ложный?", "Верный", "Ложный", "Он:"),
    "th": ("คำถาม", "คำตอบ", "คำตอบนี้ถูกหรือผิด", "ถูก", "ผิด", "คำตอบนี้:"),
    "tl": ("Tanong", "Sagot", "Tama ba o mali ang sagot na ito?", "Tama", "Mali", "Ito ay:"),
    "tr": ("Soru", "Cevap", "Bu cevap doğru mu, yanlış mı?", "Doğru", "Yanlış", "Bu cevap:"),
    "uk": ("Запитання", "Відповідь", "Ця відповідь правильна чи хибна?", "Правильна", "Хибна",
           "Вона:"),
    "ur": ("سوال", "جواب", "کیا یہ جواب درست ہے یا غلط؟", "درست", "غلط", "یہ ہے:"),
    "vi": ("Câu hỏi", "Trả lời", "Câu trả lời này đúng hay sai?", "Đúng", "Sai", "Câu này:"),
    "zh-CN": ("问题", "回答", "这个回答是正确的还是错误的？", "正确", "错误", "这个回答："),
}  # fmt: skip


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "CulturalBench") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _key(code: str, truth: object, place: str) -> tuple[Key, tuple[str, ...]]:
    gold = str(truth).lower()
    if gold not in _OPTIONS:
        raise XTransplantError(f"{place}: {truth!r} should be true or false")
    labels = _WORDS[code][3:5]
    return Key((gold,), _OPTIONS, labels), labels


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {"english": f"split/{lang}.json", "other": f"translated/{lang}.json"}
    parts = read_parts(data, "CulturalBench", split, files)
    found = []
    for k, (row, other) in enumerate(zip(parts["english"], parts["other"], strict=True)):
        place = f"CulturalBench split/{lang}.json line {k + 1}"
        if not isinstance(row, dict) or not {"input_text", "label"} <= row.keys():
            raise XTransplantError(f"{place} should hold input_text and label")
        english = Side(row["input_text"], *_key("en", row["label"], place))
        found.append(
            Parallel(f"culturalbench-{lang}-{split}-{k}", english,
                     Side(other, *_key(lang, row["label"], place)))
        )  # fmt: skip
    return found


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    columns = ("data_idx", "prompt_question", "prompt_option", "answer", "country")
    rows = hub.rows(_REPO, "CulturalBench-Hard", "test", data, columns)
    own = [row for row in rows if language_of(row["country"]) == lang]

    def side(code: str, row: dict[str, Any]) -> Side:
        question, answer, ask, *_, lead = _WORDS[code]
        prompt = (
            f"{question}: {row['prompt_question']}\n{answer}: {row['prompt_option']}\n{ask}\n{lead}"
        )
        return Side(prompt, *_key(code, row["answer"], f"{_REPO} item {row['data_idx']}"))

    return [
        Parallel(f"culturalbench-{row['data_idx']}", side("en", row), side(lang, row))
        for row in (own[k] for k in piloted(len(own), split, data.seed))
    ]


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

culturalbench = Task(
    name="culturalbench",
    summary="CulturalBench-Hard: true or false for a country; culture, 27 languages.",
    version="1",
    licence="CC-BY-4.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "CulturalBench", "translated/{}.json", _LANGUAGES),
    direction="lang-to-en",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="truth",
    note="the hub has the questions in English only: translated words stand around them",
)
