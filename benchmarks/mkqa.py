"""MKQA: short questions of search users, answered from memory (arXiv 2007.15207).

Hub: ``apple/mkqa`` (its Parquet conversion), 50 items drawn for the pilot. Folder: as XQuAD's,
``MKQA/MKQA_{sample,unseen}/{split,ans}/LANG.json``, a text or a list of texts in ans. Questions
that MKQA marks as unanswerable, or answers at length, are left out.
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

__all__ = ["examples", "mkqa"]

# Per language: question, answer.
_WORDS = {
    "en": ("Question", "Answer"), "ar": ("السؤال", "الجواب"), "da": ("Spørgsmål", "Svar"),
    "de": ("Frage", "Antwort"), "es": ("Pregunta", "Respuesta"), "fi": ("Kysymys", "Vastaus"),
    "fr": ("Question", "Réponse"), "he": ("שאלה", "תשובה"), "hu": ("Kérdés", "Válasz"),
    "it": ("Domanda", "Risposta"), "ja": ("質問", "答え"), "km": ("សំណួរ", "ចម្លើយ"),
    "ko": ("질문", "답"), "ms": ("Soalan", "Jawapan"), "nl": ("Vraag", "Antwoord"),
    "no": ("Spørsmål", "Svar"), "pl": ("Pytanie", "Odpowiedź"), "pt": ("Pergunta", "Resposta"),
    "ru": ("Вопрос", "Ответ"), "sv": ("Fråga", "Svar"), "th": ("คำถาม", "คำตอบ"),
    "tr": ("Soru", "Cevap"), "vi": ("Câu hỏi", "Câu trả lời"), "zh_cn": ("问题", "答案"),
    "zh_hk": ("問題", "答案"), "zh_tw": ("問題", "答案"),
}  # fmt: skip
_NOT_SHORT = ("long_answer", "unanswerable")


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "MKQA") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {
        f"{what} {code}": f"{what}/{code}.json"
        for what in ("split", "ans")
        for code in ("en", lang)
    }
    parts = read_parts(data, "MKQA", split, files)

    def golds(code: str, k: int) -> tuple[str, ...]:
        found = parts[f"ans {code}"][k]
        texts = tuple(found) if isinstance(found, list) else (found,)
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise XTransplantError(f"MKQA ans/{code}.json line {k + 1}: {found!r} is no text")
        return texts

    return [
        Parallel(
            f"mkqa-{split}-{k}",
            Side(parts["split en"][k], Key(golds("en", k), also=golds(lang, k))),
            Side(parts[f"split {lang}"][k], Key(golds(lang, k), also=golds("en", k))),
        )
        for k in range(len(parts["split en"]))
    ]


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    columns = ("example_id", "queries", "answers")
    found = hub.rows("apple/mkqa", "mkqa", "train", data, columns, revision="refs/convert/parquet")
    usable = [row for row in found if _golds(row, "en") and _golds(row, lang)]
    if not usable:
        raise XTransplantError(f"apple/mkqa: no question has short answers in en and in {lang}")

    def side(row: dict[str, Any], code: str, also: str) -> Side:
        question, answer = _WORDS[code]
        colon = "：" if code.startswith(("zh", "ja")) else ":"
        prompt = f"{question}{colon} {row['queries'][code]}\n{answer}{colon}"
        return Side(prompt, Key(_golds(row, code), also=_golds(row, also)))

    return [
        Parallel(f"mkqa-{row['example_id']}", side(row, "en", lang), side(row, lang, "en"))
        for row in (usable[k] for k in piloted(len(usable), split, data.seed))
    ]


def _golds(row: dict[str, Any], code: str) -> tuple[str, ...]:
    """Texts and aliases of a question's answers; none where it has no short one."""
    if not isinstance(row["answers"], dict) or code not in row["answers"]:
        raise XTransplantError(
            f"apple/mkqa item {row['example_id']}: answers should be by language, {code} among them"
        )
    texts: list[str] = []
    for answer in row["answers"][code]:
        kind = answer["type"]
        # The Parquet conversion writes the kind as its number: entity is 0, long_answer 1, ...
        if kind in (*_NOT_SHORT, 1, 2):
            return ()
        texts += [answer["text"], *(answer.get("aliases") or ())]
    return tuple(dict.fromkeys(text for text in texts if text))


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

mkqa = Task(
    name="mkqa",
    summary="Short questions answered from memory, free text, 25 languages besides English.",
    version="1",
    licence="CC-BY-3.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "MKQA", "split/{}.json", _LANGUAGES),
    direction="en-to-lang",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="contains",
    mode="generate",
    scored=False,
)
