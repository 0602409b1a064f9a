"""XQuAD: a question about a paragraph, answered with words of it (arXiv 1910.11856).

Hub: ``google/xquad``, validation split; 50 items drawn for the pilot. Folder: the paper's
``XQuAD/XQuAD_{sample,unseen}/{split,ans}/xquad.LANG.json``.
"""

from __future__ import annotations

from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks import hub
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.folder import has_layout, languages_there, read_parts
from xtransplant.tasks.languages import named
from xtransplant.tasks.parallel import Parallel, Side, directed, piloted
from xtransplant.tasks.task import Direction, Task

__all__ = ["examples", "xquad"]

_REPO = "google/xquad"

# Per language: what to do, context, question, how the answer begins.
_WORDS = {
    "en": ("Answer with words of the context.", "Context", "Question", "The answer is:"),
    "ar": ("أجب بكلمات من النص.", "النص", "السؤال", "الجواب هو:"),
    "de": ("Antworte mit Worten aus dem Kontext.", "Kontext", "Frage", "Die Antwort ist:"),
    "el": ("Απάντησε με λέξεις του κειμένου.", "Κείμενο", "Ερώτηση", "Η απάντηση είναι:"),
    "es": ("Responde con palabras del contexto.", "Contexto", "Pregunta", "La respuesta es:"),
    "hi": ("संदर्भ के शब्दों में उत्तर दें।", "संदर्भ", "प्रश्न", "उत्तर है:"),
    "ro": ("Răspunde cu cuvinte din context.", "Context", "Întrebare", "Răspunsul este:"),
    "ru": ("Ответь словами из контекста.", "Контекст", "Вопрос", "Ответ:"),
    "th": ("ตอบด้วยคำจากบริบท", "บริบท", "คำถาม", "คำตอบคือ:"),
    "tr": ("Bağlamdaki sözcüklerle cevapla.", "Bağlam", "Soru", "Cevap:"),
    "vi": ("Trả lời bằng từ ngữ trong ngữ cảnh.", "Ngữ cảnh", "Câu hỏi", "Câu trả lời là:"),
    "zh": ("用上下文中的词语回答。", "上下文", "问题", "答案是："),
}  # fmt: skip


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "XQuAD") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {
        f"{what} {code}": f"{what}/xquad.{code}.json"
        for what in ("split", "ans")
        for code in ("en", lang)
    }
    parts = read_parts(data, "XQuAD", split, files)
    golds = list(zip(parts["ans en"], parts[f"ans {lang}"], strict=True))
    for k, pair in enumerate(golds):
        if not all(isinstance(gold, str) and gold.strip() for gold in pair):
            raise XTransplantError(f"XQuAD ans line {k + 1} should be two texts, not {pair!r}")
    return [
        Parallel(
            f"xquad-{split}-{k}",
            Side(parts["split en"][k], Key((english,), also=(other,))),
            Side(parts[f"split {lang}"][k], Key((other,), also=(english,))),
        )
        for k, (english, other) in enumerate(golds)
    ]


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    columns = ("id", "context", "question", "answers")
    english, other = (
        {row["id"]: row for row in hub.rows(_REPO, f"xquad.{code}", "validation", data, columns)}
        for code in ("en", lang)
    )
    ids = [one for one in english if one in other]
    if not ids:
        raise XTransplantError(f"google/xquad: no item is both in en and in {lang}")

    def golds(row: dict[str, Any]) -> tuple[str, ...]:
        answers = row["answers"]
        if not isinstance(answers, dict) or not answers.get("text"):
            raise XTransplantError(
                f"google/xquad item {row['id']}: answers {answers!r} should hold texts"
            )
        return tuple(dict.fromkeys(answers["text"]))

    def side(code: str, row: dict[str, Any], also: tuple[str, ...]) -> Side:
        task, context, question, lead = _WORDS[code]
        prompt = f"{task}\n\n{context}: {row['context']}\n{question}: {row['question']}\n\n{lead}"
        return Side(prompt, Key(golds(row), also=also))

    return [
        Parallel(
            f"xquad-{one}",
            side("en", english[one], golds(other[one])),
            side(lang, other[one], golds(english[one])),
        )
        for one in (ids[k] for k in piloted(len(ids), split, data.seed))
    ]


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

xquad = Task(
    name="xquad",
    summary="Questions about a paragraph, answered in free text, 11 languages besides English.",
    version="1",
    licence="CC-BY-SA-4.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "XQuAD", "split/xquad.{}.json", _LANGUAGES),
    direction="en-to-lang",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="contains",
    mode="generate",
    scored=False,
)
