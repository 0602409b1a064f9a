"""In which language a text is, offline, by py3langid; a text that is not sure is in none.

py3langid (BSD, 5 MB, after langid.py of Lui and Baldwin 2012) knows 140 languages. It chooses
among all of them, and what it gives less than :data:`LEAST` of its probability is undetermined:
docs/statistics.md says how often it is right then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.stats.answers import Answers

__all__ = ["LEAST", "UNDETERMINED", "Spoken", "identifier", "language_code"]

LEAST = 0.7
"""Probability below which a text is undetermined."""
UNDETERMINED = ""

# Other codes of the same language, and varieties that a short text does not tell from it.
_SAME = {
    "nb": "no", "nn": "no", "fil": "tl", "iw": "he", "in": "id",
    "wuu": "zh", "yue": "zh", "arz": "ar",
}  # fmt: skip


@dataclass(frozen=True)
class Spoken:
    """In which languages the texts of one language of a task are.

    Attributes:
        target, source: the languages of the two prompts, as the identifier calls them; empty where
            it does not know one.
        cells: by strategy, which texts are in the target's language, the source's, another, or
            undetermined: the levels of the answers. Nothing where no text or target is known.
    """

    target: str
    source: str
    cells: dict[str, Answers]


@cache
def _model() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise XTransplantError(
            "saying in which language a text is needs the package py3langid: "
            "pip install 'xtransplant[langid]'"
        ) from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identifier() -> Callable[[str], str]:
    """What says in which language a text is, by its code; :data:`UNDETERMINED` where unsure.

    Raises:
        XTransplantError: py3langid is not installed.
    """
    model = _model()

    def identify(text: str) -> str:
        # A number is written alike in most languages.
        if not any(map(str.isalpha, text)):
            return UNDETERMINED
        shares: dict[str, float] = {}
        for lang, share in model.rank(text):
            shares[_SAME.get(lang, lang)] = shares.get(_SAME.get(lang, lang), 0) + share
        found = max(shares, key=lambda lang: shares[lang])
        return found if shares[found] >= LEAST else UNDETERMINED

    return identify


def language_code(lang: str) -> str:
    """A task's language as the identifier calls it; empty where that does not know it.

    Raises:
        XTransplantError: py3langid is not installed.
    """
    code = lang.lower().replace("_", "-").partition("-")[0]
    code = _SAME.get(code, code)
    return code if code in _model().labels else ""
