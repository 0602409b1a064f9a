"""What strategies are checked on: the bundled model, and real examples of a model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from xtransplant.prompts import Example
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

if TYPE_CHECKING:
    from xtransplant.model.model import Model

__all__ = ["batch_of", "bundled_model", "default_task", "example_for", "into_itself", "tried"]

_BUNDLED = "babel"  # the task that comes with a model
_OTHERS = "capitals"  # the task that any other model can be asked
_FEW, _MORE = 6, " one two three"


@cache
def bundled_model() -> Model:
    """The model that comes with the package, once per process: a Llama of 8 layers, 128 wide."""
    from xtransplant.model.load import load

    checkpoint = find_task(_BUNDLED).checkpoint
    assert checkpoint is not None
    return load(checkpoint)


def default_task(model: str | None) -> str:
    """The task whose examples a model is asked; None is the bundled model."""
    return _BUNDLED if model in (None, find_task(_BUNDLED).checkpoint) else _OTHERS


def example_for(model: Model) -> Example:
    """The first example of a model's task, in the task's first language."""
    task = find_task(default_task(model.name))
    return load_examples(task, next(iter(task.languages))).examples[0]


def tried(example: Example) -> Example:
    """An example that shows all that a strategy may do, with few candidates.

    One candidate is of several tokens: what acts through the cache alone, or at later steps, shows
    from a second token on. A mean over several source prompts is taken over both where the example
    has no more.
    """
    spelled = example.source_candidates or example.candidates
    few, few_spelled = example.candidates[:_FEW], spelled[:_FEW]
    return replace(
        example,
        candidates=(*few, "".join(few[:2]) + _MORE),
        source_candidates=(*few_spelled, "".join(few_spelled[:2]) + _MORE),
        answer=None,
        sources=example.sources or ((example.target_lang, example.target),),
    )


def into_itself(example: Example) -> Example:
    """An example whose target prompt is its source, and each of its sources, too."""
    return replace(
        example,
        source=example.target,
        source_candidates=example.candidates,
        sources=tuple((lang, example.target) for lang, _ in example.sources),
    )


def batch_of(example: Example) -> list[Example]:
    """An example, the same the other way round, and it again.

    The second is of other lengths than the first, so that the three do not share one layout.
    """
    around = replace(
        example,
        source=example.target,
        target=example.source,
        candidates=example.source_candidates or example.candidates,
        source_candidates=example.candidates if example.source_candidates else (),
        answer=None,
        key=example.source_key,
        source_key=example.key,
    )
    return [example, around, example]
