"""Language codes as the tasks' data have them, and their English names."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["FLORES", "NAMES", "named", "unknown_language"]

NAMES = {
    "am": "Amharic", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan",
    "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish", "et": "Estonian",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "ht": "Haitian Creole", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "km": "Khmer", "ko": "Korean", "ms": "Malay", "ne": "Nepali",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "qu": "Quechua",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese", "zh-CN": "Chinese",
    "zh_cn": "Chinese (simplified)", "zh_hk": "Chinese (Hong Kong)", "zh_tw": "Chinese (Taiwan)",
}  # fmt: skip

FLORES = {
    "am": "amh_Ethi", "ar": "arb_Arab", "bg": "bul_Cyrl", "bn": "ben_Beng", "ca": "cat_Latn",
    "cs": "ces_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek", "en": "eng_Latn",
    "es": "spa_Latn", "et": "est_Latn", "fa": "pes_Arab", "fi": "fin_Latn", "fr": "fra_Latn",
    "he": "heb_Hebr", "hi": "hin_Deva", "ht": "hat_Latn", "hu": "hun_Latn", "id": "ind_Latn",
    "it": "ita_Latn", "ja": "jpn_Jpan", "km": "khm_Khmr", "ko": "kor_Hang", "ms": "zsm_Latn",
    "my": "mya_Mymr", "ne": "npi_Deva", "nl": "nld_Latn", "no": "nob_Latn", "pl": "pol_Latn",
    "pt": "por_Latn", "ro": "ron_Latn", "ru": "rus_Cyrl", "sv": "swe_Latn", "sw": "swh_Latn",
    "ta": "tam_Taml", "th": "tha_Thai", "tl": "tgl_Latn", "tr": "tur_Latn", "uk": "ukr_Cyrl",
    "ur": "urd_Arab", "vi": "vie_Latn", "yo": "yor_Latn", "zh": "zho_Hans", "zh_tw": "zho_Hant",
}  # fmt: skip
"""What FLORES-200 and the datasets made of it call a language (ISO 639-3 and the script)."""


def named(*codes: str) -> dict[str, str]:
    """Codes with their English names; a code that is not known names itself."""
    return {code: NAMES.get(code, code) for code in codes}


def unknown_language(code: str, task: str, there: Sequence[str]) -> str:
    """That a task lacks a language, and what was meant, for an error.

    Args:
        code: as it was given to ``--langs``: a name, another list's code, or full-width marks.
        task: whose languages they are; several between "and".
        there: codes that it has.
    """
    plain = unicodedata.normalize("NFKC", code).replace("、", ",").casefold()
    meant = [name for name in map(str.strip, plain.split(",")) if name in there]
    if not meant:
        known = {name: (NAMES.get(name, ""), FLORES.get(name, "")) for name in there}
        meant = [
            name
            for name, (english, flores) in known.items()
            if plain in (english.casefold(), flores.casefold(), flores[:3])
        ] or get_close_matches(plain, there, n=1)
    hint = f"; try --langs {','.join(meant)}" if meant else ""
    return f"--langs {code}: {task} has {', '.join(there)}{hint}"
