"""Write the names of countries and capitals, from Unicode's CLDR through the package ``babel``.

    pip install -e '.[dev]' -c constraints.txt
    python -m xtransplant.benchmarks.capitals.generate [--output FILE]

CLDR has no capitals, but it names the city that each time zone is called by, and many of these are
capitals: which ones stands here by hand (``ZONES``). The same version of babel gives the same
bytes.

What is left out, and why:

* capitals that a zone is not named after (New Delhi, Canberra, Ottawa, Beijing, Ankara, ...), and
  one whose zone has a spelling that English has not (Tirane);
* countries whose capital is disputed, moving, or one of several (Israel, Indonesia, Equatorial
  Guinea, Bolivia, South Africa, Sri Lanka, Benin, Eswatini);
* a country where, in any of the languages, the capital's name stands in the country's, or the other
  way round (Tunis, Kuwait, Guinea-Bissau), where it also is a country's name, or where two capitals
  are spelled the same: in all languages then, so that every language asks the same questions.

In languages of other scripts CLDR has every name. In those of the Latin script it leaves out a city
that is spelled as in its zone's identifier, and readers of CLDR take the name from there (UTS #35,
part 4, time zone names). So it is done here. ``id``, ``sw`` and ``vi`` have few spellings of their
own: what an activation carries over from English may be the spelling there.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from xtransplant.tasks.matching import bare

__all__ = ["LANGUAGES", "ZONES", "collect_names", "write_names"]

LANGUAGES = (
    "en", "am", "ar", "bn", "de", "el", "es", "fa", "fr", "hi", "id", "ja", "ko", "ru", "sw", "th",
    "tr", "vi", "zh",
)  # fmt: skip

ZONES = {
    "Africa": {
        "AO": "Luanda", "BF": "Ouagadougou", "BW": "Gaborone", "CF": "Bangui", "CG": "Brazzaville",
        "CD": "Kinshasa", "DJ": "Djibouti", "DZ": "Algiers", "EG": "Cairo", "ER": "Asmera",
        "ET": "Addis_Ababa", "GA": "Libreville", "GH": "Accra", "GM": "Banjul", "GN": "Conakry",
        "GW": "Bissau", "KE": "Nairobi", "LR": "Monrovia", "LS": "Maseru", "LY": "Tripoli",
        "ML": "Bamako", "MR": "Nouakchott", "MZ": "Maputo", "NA": "Windhoek", "NE": "Niamey",
        "RW": "Kigali", "SD": "Khartoum", "SL": "Freetown", "SN": "Dakar", "SO": "Mogadishu",
        "SS": "Juba", "ST": "Sao_Tome", "TD": "Ndjamena", "TG": "Lome", "TN": "Tunis",
        "UG": "Kampala", "ZM": "Lusaka", "ZW": "Harare",
    },
    "America": {
        "AR": "Buenos_Aires", "BS": "Nassau", "CL": "Santiago", "CO": "Bogota", "CU": "Havana",
        "DO": "Santo_Domingo", "GT": "Guatemala", "HN": "Tegucigalpa", "HT": "Port-au-Prince",
        "MX": "Mexico_City", "NI": "Managua", "PA": "Panama", "PE": "Lima", "PY": "Asuncion",
        "SR": "Paramaribo", "TT": "Port_of_Spain", "UY": "Montevideo", "VE": "Caracas",
    },
    "Asia": {
        "AF": "Kabul", "AM": "Yerevan", "AZ": "Baku", "BD": "Dhaka", "BT": "Thimphu",
        "CY": "Nicosia", "GE": "Tbilisi", "IQ": "Baghdad", "IR": "Tehran", "JO": "Amman",
        "JP": "Tokyo", "KG": "Bishkek", "KH": "Phnom_Penh", "KP": "Pyongyang", "KR": "Seoul",
        "KW": "Kuwait", "LA": "Vientiane", "LB": "Beirut", "MN": "Ulaanbaatar",
        "MY": "Kuala_Lumpur", "NP": "Katmandu", "OM": "Muscat", "PH": "Manila", "SA": "Riyadh",
        "SG": "Singapore", "SY": "Damascus", "TH": "Bangkok", "TJ": "Dushanbe", "TL": "Dili",
        "TM": "Ashgabat", "UZ": "Tashkent",
    },
    "Atlantic": {"IS": "Reykjavik"},
    "Europe": {
        "AD": "Andorra", "AT": "Vienna", "BA": "Sarajevo", "BE": "Brussels", "BG": "Sofia",
        "BY": "Minsk", "CZ": "Prague", "DE": "Berlin", "DK": "Copenhagen", "EE": "Tallinn",
        "ES": "Madrid", "FI": "Helsinki", "FR": "Paris", "GB": "London", "GR": "Athens",
        "HR": "Zagreb", "HU": "Budapest", "IE": "Dublin", "IT": "Rome", "LI": "Vaduz",
        "LT": "Vilnius", "LU": "Luxembourg", "LV": "Riga", "MC": "Monaco", "MD": "Chisinau",
        "ME": "Podgorica", "MK": "Skopje", "NL": "Amsterdam", "NO": "Oslo", "PL": "Warsaw",
        "PT": "Lisbon", "RO": "Bucharest", "RS": "Belgrade", "RU": "Moscow", "SE": "Stockholm",
        "SI": "Ljubljana", "SK": "Bratislava", "SM": "San_Marino", "UA": "Kiev",
    },
    "Indian": {"MG": "Antananarivo"},
    "Pacific": {"MH": "Majuro", "PG": "Port_Moresby", "TV": "Funafuti", "WS": "Apia"},
}  # fmt: skip
"""By area: a country's code, and the time zone of that area that is named after its capital."""

Names = dict[str, tuple[str, str]]
"""By a country's code: the country's name, the capital's."""

_HEADER = """\
# Countries and their capitals in {n} languages, by the countries' ISO 3166 codes.
# Made by xtransplant/benchmarks/capitals/generate.py; not to be changed by hand.
#
# Names: Unicode Common Locale Data Repository (CLDR), version {cldr}, through babel {babel}.
# Copyright 1991-2025 Unicode, Inc. SPDX-License-Identifier: Unicode-3.0 (see LICENSE.unicode).
"""


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("names.toml"), metavar="FILE"
    )
    output = parser.parse_args().output
    output.write_text(write_names(collect_names()), encoding="utf-8")
    print(f"written: {output}")


def collect_names() -> dict[str, Names]:
    """The names of the countries that no rule leaves out, by language."""
    from babel import Locale

    found: dict[str, Names] = {}
    for lang in LANGUAGES:
        locale = Locale.parse(lang)
        found[lang] = {
            code: (_plain(locale.territories[code]), _city(locale.time_zones, area, zone))
            for area, zones in ZONES.items()
            for code, zone in zones.items()
        }
    unfit = {code for names in found.values() for code in _unfit(names)}
    return {
        lang: {code: names[code] for code in sorted(names.keys() - unfit)}
        for lang, names in found.items()
    }


def write_names(names: Mapping[str, Names]) -> str:
    """The file's text: a table for each language."""
    import babel
    from babel.core import get_cldr_version

    lines = [_HEADER.format(n=len(names), cldr=get_cldr_version(), babel=babel.__version__)]
    for lang, countries in names.items():
        lines.append(f"[{lang}]")
        lines += [f'{code} = ["{name}", "{city}"]' for code, (name, city) in countries.items()]
        lines.append("")
    return "\n".join(lines)


def _city(zones: Mapping[str, Mapping[str, str]], area: str, zone: str) -> str:
    name = zones.get(f"{area}/{zone}", {}).get("city")
    return _plain(name or zone.replace("_", " "))


def _plain(name: str) -> str:
    """A name without what says which of two is meant ("Tripoli (Libye)"), and no hyphenation."""
    return re.sub(
        r" ?\(.*\)", "", unicodedata.normalize("NFC", name).replace("\N{SOFT HYPHEN}", "")
    )


def _unfit(names: Names) -> set[str]:
    """Countries of one language whose capital the question tells, or another answer is."""
    plain = {code: (bare(country), bare(city)) for code, (country, city) in names.items()}
    countries = {country for country, _ in plain.values()}
    times = Counter(city for _, city in plain.values())
    return {
        code
        for code, (country, city) in plain.items()
        if city in country or country in city or city in countries or times[city] > 1
    }


if __name__ == "__main__":
    main()
