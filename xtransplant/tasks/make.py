"""A task from its description: items paired, written into prompts, and made examples of."""

from __future__ import annotations

from xtransplant.prompts import Example
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.description import Description
from xtransplant.tasks.folder import find_languages, has_layout, read_folder
from xtransplant.tasks.hub import read_hub
from xtransplant.tasks.languages import named
from xtransplant.tasks.parallel import make_example
from xtransplant.tasks.task import Direction, Task
from xtransplant.tasks.words import check_template

__all__ = ["make_task"]


def make_task(about: Description) -> Task:
    """The task that a description says.

    Raises:
        XTransplantError: a template that names neither a word nor a column.
    """
    hub, folder = about.hub, about.folder
    check_template(about.template, about.words["en"], None if hub.items else set(hub.columns))
    languages = named(*(code for code in about.words if code != "en"))

    def examples(
        lang: str, direction: Direction, split: str, data: DataSource = DataSource()
    ) -> tuple[Example, ...]:
        in_layout = folder is not None and has_layout(data, folder.name)
        read = read_folder if in_layout else read_hub
        return tuple(make_example(one, lang, direction) for one in read(about, lang, split, data))

    def languages_in(data: DataSource) -> dict[str, str]:
        return languages if folder is None else find_languages(data, folder, languages)

    scored = bool(about.candidates)
    return Task(
        name=about.name,
        summary=about.summary,
        version=about.version,
        licence=about.licence,
        languages=languages,
        direction=about.direction,
        splits=tuple(hub.splits),
        examples=examples,
        rule=about.rule,
        mode="score" if scored else "generate",
        scored=scored,
        find_languages=languages_in,
        note=about.note,
    )
