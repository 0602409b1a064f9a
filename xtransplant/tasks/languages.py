"""Language codes as the tasks' data have them, and their English names."""

from __future__ import annotations

__all__ = ["NAMES", "named"]

NAMES = {
    "am": "Amharic", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish", "et": "Estonian",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "ht": "Haitian Creole", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "km": "Khmer", "ko": "Korean", "ms": "Malay", "ne": "Nepali",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "qu": "Quechua",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese", "zh-CN": "Chinese", "zh_cn": "Chinese (simplified)",
    "zh_hk": "Chinese (Hong Kong)", "zh_tw": "Chinese (Taiwan)",
}  # fmt: skip


def named(*codes: str) -> dict[str, str]:
    """Codes with their English names; a code that is not known names itself."""
    return {code: NAMES.get(code, code) for code in codes}
