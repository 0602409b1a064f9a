"""Examples of a task, checked before they are used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, item_digest, key_of
from xtransplant.tasks.alignment import Alignment, check_alignment
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.rules import versioned_rule
from xtransplant.tasks.task import Direction, NothingThere, Task
from xtransplant.text import text_digest

__all__ = ["Loaded", "examples_digest", "item_digest", "load_examples", "pick_example"]


@dataclass(frozen=True)
class Loaded:
    """One language of one split.

    Attributes:
        examples: in the task's order.
        alignment: whether source and target are the same items.
    """

    examples: tuple[Example, ...]
    alignment: Alignment

    @property
    def digest(self) -> str:
        """SHA-256 over all fields of the examples."""
        return examples_digest(self.examples)


def load_examples(
    task: Task,
    lang: str,
    direction: Direction | None = None,
    split: str | None = None,
    data: DataSource = DataSource(),
) -> Loaded:
    """The examples of one language, in the task's own direction and first split by default.

    Raises:
        XTransplantError: no such language or split, or data that cannot be read.
        NothingThere: nothing in it.
    """
    languages = task.languages_in(data)
    if lang not in languages:
        near = get_close_matches(lang, languages, cutoff=0.4)
        hint = f" (nearest: {', '.join(near)})" if near else ""
        raise XTransplantError(
            f"{task.name} has no language {lang!r}{hint}; it has {', '.join(languages)}"
        )
    splits = task.splits_in(data)
    split = split or splits[0]
    if split not in splits:
        raise XTransplantError(f"{task.name} has no split {split!r}; choose {', '.join(splits)}")
    examples = task.examples(lang, direction or task.direction, split, data)
    if not examples:
        raise NothingThere(f"{task.name} has no examples in {lang}, split {split}")
    examples = tuple(_with_rule(task.rule, one) for one in examples)
    return Loaded(examples, check_alignment(examples, whole_rows=task.whole_rows))


def pick_example(
    task: Task,
    lang: str,
    number: int,
    direction: Direction | None,
    split: str | None,
    data: DataSource = DataSource(),
) -> Example:
    """Example ``number`` (from 0) of a task.

    Raises:
        XTransplantError: no such language, split or example, or one whose two prompts do not
            belong together.
    """
    loaded = load_examples(task, lang, direction, split, data)
    if not 0 <= number < len(loaded.examples):
        raise XTransplantError(
            f"--example {number} is out of range: {task.name} has examples 0 to "
            f"{len(loaded.examples) - 1} in {lang}"
        )
    if number in loaded.alignment.rows:
        raise XTransplantError(
            f"--example {number} of {task.name} {lang}: source and target are not the same item "
            f"({'; '.join(loaded.alignment.reasons)}); choose another one"
        )
    return loaded.examples[number]


def _with_rule(rule: str, example: Example) -> Example:
    """An example whose keys name the rule of its task, where they name none of their own.

    A rule that a package adds is named with the hash of its source: it is part of what the
    examples' digest, and by it the run's identity, stand for.
    """
    key = key_of(example)
    source_key = example.source_key or key
    key, source_key = (
        replace(one, rule=versioned_rule(one.rule or rule)) for one in (key, source_key)
    )
    return replace(example, key=key, source_key=source_key)


def examples_digest(examples: Sequence[Example]) -> str:
    """SHA-256 over all fields of examples; alignments and further sources where there are any.

    Not over paraphrases, which a null grid that reads them counts for itself, nor over groups,
    which change no record.
    """
    fields = [asdict(one) for one in examples]
    for own in fields:
        del own["paraphrase"], own["group"]
        for name in ("alignment", "sources"):
            if not own[name]:
                del own[name]
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True)
    return text_digest(text)
