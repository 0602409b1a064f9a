"""Which language a country is asked in, for the culture tasks."""

from __future__ import annotations

__all__ = ["COUNTRIES", "language_of"]

# As the surveys and CulturalBench name them; countries asked in English are left out.
COUNTRIES = {
    "am": ("Ethiopia",),
    "ar": ("Egypt", "Iraq", "Jordan", "Kuwait", "Lebanon", "Libya", "Morocco", "Palest. ter.",
           "Saudi Arabia", "Tunisia", "Yemen"),
    "bn": ("Bangladesh",), "cs": ("Czech Rep.", "Czech Republic"),
    "de": ("Austria", "Germany"), "el": ("Greece",), "es": (
        "Argentina", "Bolivia", "Chile", "Colombia", "Ecuador", "El Salvador", "Guatemala",
        "Honduras", "Mexico", "Nicaragua", "Peru", "Spain", "Uruguay", "Venezuela"),
    "fa": ("Iran",), "fr": ("France", "Ivory Coast", "Mali", "Senegal"), "he": ("Israel",),
    "hi": ("India",), "id": ("Indonesia",), "it": ("Italy",), "ja": ("Japan",),
    "ko": ("S. Korea", "South Korea"), "ms": ("Malaysia",), "ne": ("Nepal",),
    "nl": ("Netherlands",), "pl": ("Poland",), "pt": ("Angola", "Brazil", "Portugal"),
    "ro": ("Romania",), "ru": ("Russia",), "sv": ("Sweden",), "sw": ("Kenya", "Tanzania"),
    "th": ("Thailand",), "tl": ("Philippines",), "tr": ("Turkey",), "uk": ("Ukraine",),
    "ur": ("Pakistan",), "vi": ("Vietnam",),
    "zh-CN": ("China", "Hong Kong", "Hong Kong SAR", "Macau SAR", "Taiwan", "Taiwan ROC"),
}  # fmt: skip

_LANGUAGE = {country: lang for lang, countries in COUNTRIES.items() for country in countries}


def language_of(country: str) -> str | None:
    """The language code, or None where it is English or not known."""
    # "India (Current national sample)", "Viet Nam" and the like.
    plain = country.partition(" (")[0].replace("Viet Nam", "Vietnam").strip()
    return _LANGUAGE.get(plain)
