"""Examples that a model can read: those longer than its context are left out, and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xtransplant.bench.plan import Plan, TaskPlan
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.tokenise import prompt_lengths
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.prompts import Example

__all__ = ["fitted"]

# Byte by byte at worst; normalising a text makes a character up to a dozen times longer.
_MOST_PER_BYTE = 12


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
        template = plan.config.chat_template
        if task.mode == "generate":
            longest = _with_text(model, own, plan.config.max_new_tokens, chat_template=template)
        else:
            longest = _with_candidates(model, own, limit, chat_template=template)
        kept = tuple(one for one, n in zip(own, longest, strict=True) if n <= limit)
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


def _with_text(
    model: Model, examples: Sequence[Example], max_new_tokens: int, *, chat_template: bool
) -> list[int]:
    """Tokens of the longer prompt of each example, and of what is generated after it."""
    return [
        max(pair) + max_new_tokens
        for pair in _of_prompts(model, examples, chat_template=chat_template)
    ]


def _with_candidates(
    model: Model, examples: Sequence[Example], limit: int, *, chat_template: bool
) -> list[int]:
    """Tokens of the longest sequence of each example: a prompt with one of its candidates.

    Candidates are tokenised where the answer depends on it alone; elsewhere theirs are put at
    more than they can be.
    """
    found = []
    lengths = _of_prompts(model, examples, chat_template=chat_template)
    for one, pair in zip(examples, lengths, strict=True):
        spelled = (*one.candidates, *one.source_candidates)
        bytes_of = max((len(text.encode("utf-8", "replace")) for text in spelled), default=0)
        most = max(pair) + _MOST_PER_BYTE * bytes_of
        if most > limit and max(pair) < limit:
            item = item_of(model, one, chat_template=chat_template)
            most = max(
                len(prompt) + max(map(len, candidates), default=0)
                for prompt, candidates in (
                    (item.source, item.source_candidates), (item.target, item.target_candidates)
                )
            )  # fmt: skip
        found.append(most)
    return found


def _of_prompts(
    model: Model, examples: Sequence[Example], *, chat_template: bool
) -> list[tuple[int, int]]:
    """Tokens of each example's source and target."""
    texts = [text for one in examples for text in (one.source, one.target)]
    counts = prompt_lengths(model, texts, chat_template=chat_template)
    return list(zip(counts[::2], counts[1::2], strict=True))
