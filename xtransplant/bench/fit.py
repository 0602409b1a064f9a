"""Examples that a model can read: those longer than its context are left out, and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xtransplant.bench.plan import Plan, TaskPlan
from xtransplant.engine.inputs import encode, prompt_ids
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.prompts import Example

__all__ = ["fitted"]


def fitted(plan: Plan, model: Model, say: Callable[[str], None] | None = None) -> Plan:
    """The plan without examples longer than the model's context; ``too_long`` names them.

    Every prompt is tokenised once before the first is run, so that no run stops half-way at one.

    Raises:
        XTransplantError: no task has an example left.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is None:
        return plan
    tasks = {name: _fit(plan, task, model, limit, say) for name, task in plan.tasks.items()}
    if not any(task.examples for task in tasks.values()):
        had = [f"{name} {task.split}" for name, task in plan.tasks.items() if task.examples]
        raise XTransplantError(
            f"{' and '.join(had)}: every example is longer than the {limit} tokens that "
            f"{model.name} reads; use another model"
        )
    return replace(plan, tasks=tasks)


def _fit(
    plan: Plan, task: TaskPlan, model: Model, limit: int, say: Callable[[str], None] | None
) -> TaskPlan:
    examples, too_long = dict[str, tuple[Example, ...]](), dict[str, list[str]]()
    left_out = dict(task.left_out)
    for lang, own in task.examples.items():
        lengths = _lengths(model, own, chat_template=plan.config.chat_template)
        more = plan.config.max_new_tokens if task.mode == "generate" else _longest(model, own)
        kept = tuple(one for one, n in zip(own, lengths, strict=True) if n + more <= limit)
        if not kept:
            left_out[lang] = f"every example is longer than the {limit} tokens that the model reads"
            if say is not None:
                say(f"{task.task.name} {task.split} {lang} is left out: {left_out[lang]}")
            continue
        examples[lang] = kept
        if len(kept) < len(own):
            there = {one.id for one in kept}
            too_long[lang] = [one.id for one in own if one.id not in there]
            if say is not None:
                say(
                    f"{task.task.name} {task.split} {lang}: {len(own) - len(kept)} of {len(own)} "
                    f"examples are left out, longer than the {limit} tokens that the model reads"
                )
    return replace(task, examples=examples, too_long=too_long, left_out=left_out)


def _lengths(model: Model, examples: Sequence[Example], *, chat_template: bool) -> list[int]:
    """Tokens of the longer prompt of each example."""
    texts = [text for one in examples for text in (one.source, one.target)]
    if chat_template:
        counts = [len(prompt_ids(model, text, chat_template=True, limited=False)) for text in texts]
    else:
        counts = [len(ids) for ids in encode(model, texts)]
    return [max(pair) for pair in zip(counts[::2], counts[1::2], strict=True)]


def _longest(model: Model, examples: Sequence[Example]) -> int:
    """Tokens of the longest candidate."""
    candidates = {candidate for one in examples for candidate in one.candidates}
    return max((len(ids) for ids in encode(model, sorted(candidates))), default=1)
