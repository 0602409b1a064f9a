"""Facts of several relations in several languages, from a folder in either of two layouts.

``LANG.txt``: line k is fact k, a question and, after its last colon, the answer; line k of
``relations.txt`` is the fact's relation. ``LANG/RELATION.json``: ``prompt_templates``, of which the
first is taken that ends where the object comes (the second is its paraphrase), and ``samples``,
each a ``subject`` and an ``object``, and an ``index`` where the samples are not the same ones in
every language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from xtransplant.errors import XTransplantError
from xtransplant.text import parse_json, read_text

__all__ = ["Fact", "find_languages", "read_facts"]

_RELATIONS = "relations.txt"
_SUBJECT = re.compile(r"<subject>|\{\}|\[X\]")
_OBJECT = re.compile(r"<mask>|<object>|\[Y\]")
_END = re.compile(rf"\s*(?:{_OBJECT.pattern})?[\s.。।]*$")


class Fact(NamedTuple):
    """One fact in one language.

    Attributes:
        relation: its name, the same in every language.
        prompt: up to where the answer comes.
        answer: the right one.
        paraphrase: the prompt in other words; empty where there are none.
    """

    relation: str
    prompt: str
    answer: str
    paraphrase: str = ""


def find_languages(home: Path, codes: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """Where each language's facts are, English first; empty where the folder has another layout.

    Args:
        home: the folder.
        codes: by language, what its file or folder may be called, without the suffix.
    """
    found = {}
    for lang, names in codes.items():
        for name in names:
            text, folder = home / f"{name}.txt", home / name
            if text.is_file() and (home / _RELATIONS).is_file():
                found[lang] = text
            elif any(folder.glob("*.json")):
                found[lang] = folder
    return found


def read_facts(place: Path) -> dict[str, Fact]:
    """The facts of one language, by a name that each has in every language.

    Args:
        place: one that :func:`find_languages` gives.

    Raises:
        XTransplantError: a line without a colon or an answer, files of different lengths, or JSON
            of another form.
    """
    return _of_lines(place) if place.suffix == ".txt" else _of_relations(place)


def _of_lines(path: Path) -> dict[str, Fact]:
    lines, relations = (
        read_text(one).rstrip("\n").split("\n") for one in (path, path.parent / _RELATIONS)
    )
    if len(lines) != len(relations):
        raise XTransplantError(
            f"{path} has {len(lines)} lines and {_RELATIONS} {len(relations)}; line k of each "
            "should be the same fact"
        )
    found = {}
    for number, (line, relation) in enumerate(zip(lines, relations, strict=True), 1):
        question = re.match(r"(.*[:：])(.*)", line)
        if question is None or not question[2].strip():
            raise XTransplantError(
                f"{path} line {number} should be a question, a colon and the answer, not "
                f"{line[:60]!r}"
            )
        found[str(number)] = Fact(relation.strip(), question[1].strip(), question[2].strip())
    return found


def _of_relations(folder: Path) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = parse_json(read_text(path))
            templates, samples = content["prompt_templates"], content["samples"]
            usable = dict.fromkeys(text for text in map(_as_prompt, templates) if text)
            template, *others = usable or [""]
            if not template:
                raise XTransplantError(
                    f"{path}: no prompt template names the subject (<subject>, {{}} or [X]) and "
                    "ends where the object comes"
                )
            for number, sample in enumerate(samples):
                name = f"{path.stem}-{sample.get('index', number)}"
                if name in found:
                    raise XTransplantError(f"{path}: two samples have the index {name!r}")
                found[name] = _fact(path.stem, [template, *others[:1]], sample)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise XTransplantError(
                f"{path} should hold prompt_templates and samples with a subject and an object: "
                f"{type(error).__name__}: {error}"
            ) from None
    return found


def _as_prompt(template: str) -> str:
    """A template up to where the object comes; empty where something follows it."""
    text = _END.sub("", template)
    return text if _SUBJECT.search(text) and not _OBJECT.search(text) else ""


def _fact(relation: str, templates: list[str], sample: Mapping[str, Any]) -> Fact:
    subject, answer = sample["subject"].strip(), sample["object"].strip()
    if not subject or not answer:
        raise ValueError(f"{dict(sample)!r:.60} lacks one of them")
    prompt, *others = (_SUBJECT.sub(lambda _: subject, text) for text in templates)
    return Fact(relation, prompt, answer, *others)
