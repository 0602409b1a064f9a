"""GlobalOpinionQA: how would someone from a country answer a survey? (arXiv 2306.16388)

A culture task: the source prompt is in the country's language, the target in English. The answer
is the option most often chosen there. Hub: ``Anthropic/llm_global_opinions``, in English only: the
other language's prompt then has its own words around the English question. Folder: the paper's
``GlobalOpinionQA/GlobalOpinionQA_{sample,unseen}/{split,translated}/LANG.json``, translated.
"""

from __future__ import annotations

import ast
import re
from string import ascii_uppercase
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.tasks import hub
from xtransplant.tasks.countries import language_of
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

__all__ = ["examples", "global_opinion_qa"]

_REPO = "Anthropic/llm_global_opinions"

# Per language: the question about the question, options, how the answer begins.
_WORDS = {
    "en": ("How would someone from {} answer this question?", "Options", "The answer is:"),
    "am": ("ከ{} የመጣ ሰው ይህን ጥያቄ እንዴት ይመልሳል?", "አማራጮች", "መልሱ፦"),
    "ar": ("كيف سيجيب شخص من {} عن هذا السؤال؟", "الخيارات", "الجواب هو:"),
    "bn": ("{} থেকে আসা কেউ এই প্রশ্নের উত্তর কীভাবে দেবেন?", "বিকল্প", "উত্তর হল:"),
    "de": ("Wie würde jemand aus {} diese Frage beantworten?", "Optionen", "Die Antwort ist:"),
    "el": ("Πώς θα απαντούσε κάποιος από: {} σε αυτή την ερώτηση;", "Επιλογές",
           "Η απάντηση είναι:"),
    "es": ("¿Cómo respondería alguien de {} a esta pregunta?", "Opciones", "La respuesta es:"),
    "fr": ("Comment quelqu'un de ce pays ({}) répondrait-il à cette question ?", "Options",
           "La réponse est :"),
    "hi": ("{} का कोई व्यक्ति इस प्रश्न का उत्तर कैसे देगा?", "विकल्प", "उत्तर है:"),
    "id": ("Bagaimana seseorang dari {} menjawab pertanyaan ini?", "Pilihan", "Jawabannya adalah:"),
    "it": ("Come risponderebbe a questa domanda qualcuno di questo paese ({})?", "Opzioni",
           "La risposta è:"),
    "ja": ("{}の人はこの質問にどう答えますか？", "選択肢", "答えは："),
    "ko": ("{}에서 온 사람은 이 질문에 어떻게 답할까요?", "선택지", "답:"),
    "nl": ("Hoe zou iemand uit {} deze vraag beantwoorden?", "Opties", "Het antwoord is:"),
    "pt": ("Como alguém de {} responderia a esta pergunta?", "Opções", "A resposta é:"),
    "ru": ("Как ответил бы на этот вопрос житель страны {}?", "Варианты", "Ответ:"),
    "sv": ("Hur skulle någon från {} svara på den här frågan?", "Alternativ", "Svaret är:"),
    "sw": ("Mtu kutoka {} angejibu swali hili vipi?", "Chaguo", "Jibu ni:"),
    "tl": ("Paano sasagutin ng isang taga-{} ang tanong na ito?", "Mga pagpipilian",
           "Ang sagot ay:"),
    "tr": ("{} ülkesinden biri bu soruyu nasıl cevaplardı?", "Seçenekler", "Cevap:"),
    "uk": ("Як би відповів на це запитання житель країни {}?", "Варіанти", "Відповідь:"),
    "ur": ("{} کا کوئی شخص اس سوال کا جواب کیسے دے گا؟", "اختیارات", "جواب ہے:"),
    "vi": ("Một người từ {} sẽ trả lời câu hỏi này thế nào?", "Lựa chọn", "Câu trả lời là:"),
    "zh-CN": ("来自{}的人会如何回答这个问题？", "选项", "答案是："),
}  # fmt: skip


def examples(
    lang: str, direction: Direction, split: str, data: DataSource = DataSource()
) -> tuple[Example, ...]:
    """Examples of one language; see :class:`Task`."""
    read = _from_folder if has_layout(data, "GlobalOpinionQA") else _from_hub
    return tuple(directed(item, lang, direction) for item in read(lang, split, data))


def _from_folder(lang: str, split: str, data: DataSource) -> list[Parallel]:
    files = {"english": f"split/{lang}.json", "other": f"translated/{lang}.json"}
    parts = read_parts(data, "GlobalOpinionQA", split, files)
    found = []
    for k, (row, other) in enumerate(zip(parts["english"], parts["other"], strict=True)):
        place = f"GlobalOpinionQA split/{lang}.json line {k + 1}"
        if not isinstance(row, dict) or not {"input_text", "label"} <= row.keys():
            raise XTransplantError(f"{place} should hold input_text and label")
        says, gold = _chosen(row["label"], place)
        key = choice_key(gold, says)
        marks = tuple(f"({mark})" for mark in says)
        found.append(
            Parallel(f"goqa-{lang}-{split}-{k}", Side(row["input_text"], key, marks),
                     Side(other, key, marks))
        )  # fmt: skip
    return found


def _from_hub(lang: str, split: str, data: DataSource) -> list[Parallel]:
    found = []
    rows = hub.rows(_REPO, "default", "train", data, ("question", "selections", "options"))
    for k, row in enumerate(rows):
        options = _literal(row["options"], k)
        for country, shares in _literal(row["selections"], k).items():
            if language_of(country) != lang:
                continue
            says, gold = _chosen(shares, f"{_REPO} row {k}, {country}")
            if len(says) != len(options):
                continue  # options that nobody there was offered
            lines = option_lines(says, options)
            english, other = (
                _side(code, country, row["question"], lines, says, gold) for code in ("en", lang)
            )
            found.append(Parallel(f"goqa-{k}-{country}", english, other))
    return [found[k] for k in piloted(len(found), split, data.seed)]


def _side(
    code: str, country: str, question: str, lines: str, says: tuple[str, ...], gold: str
) -> Side:
    how, listed, lead = _WORDS[code]
    prompt = f"{how.format(country)}\n{question}\n{listed}:\n{lines}\n\n{lead}"
    return Side(prompt, choice_key(gold, says), tuple(f"({mark})" for mark in says))


def _chosen(shares: object, place: str) -> tuple[tuple[str, ...], str]:
    """The options' letters, and that of the one most often chosen; of equals the first."""
    if not isinstance(shares, list) or not 2 <= len(shares) <= len(ascii_uppercase):
        raise XTransplantError(f"{place}: {shares!r} should be a share for each option")
    says = tuple(ascii_uppercase[: len(shares)])
    return says, says[shares.index(max(shares))]


def _literal(value: Any, row: int) -> Any:
    """A list or dict that the CSV holds as Python source; ``defaultdict(...)`` loses its shell."""
    if not isinstance(value, str):
        return value
    shell = re.fullmatch(r"defaultdict\(<class 'list'>, (.*)\)", value.strip(), re.DOTALL)
    try:
        return ast.literal_eval(shell[1] if shell else value)
    except (ValueError, SyntaxError):
        raise XTransplantError(
            f"{_REPO} row {row}: {value[:60]!r} should be a list or a dict; is it another schema?"
        ) from None


_LANGUAGES = named(*(code for code in _WORDS if code != "en"))

global_opinion_qa = Task(
    name="global-opinion-qa",
    summary="What people of a country answered in surveys; culture, 23 languages.",
    version="1",
    licence="CC-BY-NC-SA-4.0",
    languages=_LANGUAGES,
    found=lambda data: languages_there(data, "GlobalOpinionQA", "translated/{}.json", _LANGUAGES),
    direction="lang-to-en",
    splits=("pilot", "unseen"),
    examples=examples,
    rule="letters",
    note="the hub has the questions in English only: translated words stand around them; "
    "the paper's translations: --data-dir",
)
