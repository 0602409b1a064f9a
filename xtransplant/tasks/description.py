"""A task as data: all that one parallel dataset has and another has not.

``make.make_task`` turns a :class:`Description` into a task that reads the dataset both from the
Hugging Face hub (or a clone of it) and from a folder in the layout of the paper's repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xtransplant.tasks.gold import ReadGold
from xtransplant.tasks.task import Direction
from xtransplant.tasks.words import Words

__all__ = ["DataRow", "Description", "Folder", "Hub"]

DataRow = Mapping[str, Any]
"""One row of a table, by the names of its columns."""


@dataclass(frozen=True)
class Hub:
    """How a dataset lies on the hub, and which of its rows are the same item.

    Either every language has a table of its own (``align``), or one table holds them all
    (``items``).

    Attributes:
        repo: such as ``facebook/xnli``.
        columns: those that are read; another schema without them is refused.
        gold: the column that holds the right answer.
        read_gold: reads it; see ``tasks.gold``.
        splits: our splits' names, mapped to the hub's. Where both have one table, the pilot is a
            sample of 50 drawn from it, and unseen is the rest; a pilot with a table of its own is
            a sample of that one, and unseen is all of the other.
        id: of an item: ``{split}`` (the hub's), ``{row}`` (from 0) and columns may stand in it.
        config: the configuration of a language, ``{lang}``.
        codes: what ``{lang}`` stands for, where it is not our code.
        where: a column and the value that it has in the rows that are read; all of them if None.
        english: the configuration that holds its English; ``config`` for ``en`` if empty.
        align: the columns that are the same in both languages, and together in no other row; by
            the number of the row if empty.
        incomplete: whether items may lack in one language; they are left out then. Otherwise
            every item of the language must have its English.
        no_english: languages whose English counterpart the hub has not.
        items: ``items(row, lang)``, where one table holds all languages: the items of a language
            that a row holds, none or several, each in English and in the language. It raises
            ValueError where the row is not of the schema.
        revision: of the repository; its main branch if None.
        group: what items have in common that go together, from columns of the English row, such
            as ``{link}`` to a passage; empty where each stands for itself.
    """

    repo: str
    columns: tuple[str, ...]
    gold: str
    read_gold: ReadGold
    splits: Mapping[str, str]
    id: str
    config: str = "{lang}"
    codes: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, str] | None = None
    english: str = ""
    align: tuple[str, ...] = ()
    incomplete: bool = False
    no_english: tuple[str, ...] = ()
    items: Callable[[DataRow, str], Iterable[tuple[DataRow, DataRow]]] | None = None
    revision: str | None = None
    group: str = ""


@dataclass(frozen=True)
class Folder:
    """How a dataset lies in the paper's repository, below ``NAME/NAME_{sample,unseen}/``.

    Line k of every file is item k. ``{lang}`` stands for the language's code in every path.

    Attributes:
        name: the folder.
        read_gold: reads an answer; see ``tasks.gold``.
        prompts: file of the language's prompts.
        english: file of the same prompts in English; where ``gold`` is empty, each of its lines is
            an object with ``input_text``, the prompt, and ``label``, the answer.
        gold: file of a language's answers, also with ``en``.
        labels: file whose first line maps each option to what it is called, also with ``en``;
            if empty, the task's words say so.
        english_of: languages whose English is in another file, and that file.
        id: of an item: ``{task}``, ``{lang}``, ``{split}`` and ``{row}`` may stand in it.
        group: a regular expression whose first group is what items have in common that go
            together, in the English prompt, such as its passage; empty as for the hub.
    """

    name: str
    read_gold: ReadGold
    prompts: str = "split/{lang}.json"
    english: str = "split/en.json"
    gold: str = "ans/{lang}.json"
    labels: str = ""
    english_of: Mapping[str, str] = field(default_factory=dict)
    id: str = "{task}-{split}-{row}"
    group: str = ""


@dataclass(frozen=True)
class Description:
    """A parallel dataset, and how its items become prompts.

    Attributes:
        name, summary, licence, rule, direction, version, note: see ``task.Task``.
        words: by language, English among them: what the prompts are written with; see
            ``words.read_words``.
        template: the prompt of an item from the hub, up to where the answer comes; see
            ``words.fill``.
        hub: where it comes from, if not from a folder.
        folder: its place in the paper's repository, if it has one.
        candidates: how an option is written as an answer: ``{mark}`` and ``{label}`` stand for it;
            empty where the answer is free text, which is generated and not scored.
        labels: the words that name the options, in their order.
    """

    name: str
    summary: str
    licence: str
    rule: str
    words: Mapping[str, Words]
    template: str
    hub: Hub
    folder: Folder | None = None
    candidates: str = ""
    labels: tuple[str, ...] = ()
    direction: Direction = "en-to-lang"
    version: str = "1"
    note: str = ""
