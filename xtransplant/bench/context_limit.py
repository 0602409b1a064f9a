"""Examples longer than the model's context are left out, and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xtransplant.backends.protocol import Say
from xtransplant.bench.plan import Plan
from xtransplant.bench.task_plan import TaskPlan
from xtransplant.engine.ask.items import example_lengths, item_of
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example

__all__ = ["leave_out_too_long"]

# Tokens for each byte of a candidate: one at worst, and normalising a text makes a character up to
# a dozen times longer.
_MOST_PER_BYTE = 12


def leave_out_too_long(plan: Plan, model: Model, say: Say = lambda line: None) -> Plan:
    """The plan without examples longer than the model's context; ``too_long`` names them.

    Every prompt is tokenised once before the first is run, so that no run stops half-way at one.

    Args:
        plan: what is to be run.
        model: a loaded model.
        say: called with what is left out.

    Raises:
        XTransplantError: no task has an example left.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is None:
        return plan
    tasks = {
        name: _shortened(task, _lengths(plan, task, model, limit), limit, say)
        for name, task in plan.tasks.items()
    }
    if not any(task.examples for task in tasks.values()):
        had = [f"{name} {task.split}" for name, task in plan.tasks.items() if task.examples]
        raise XTransplantError(
            f"{' and '.join(had)}: every example is longer than the {limit} tokens that "
            f"{model.name} reads; use another model"
        )
    return replace(plan, tasks=tasks)


def _shortened(task: TaskPlan, lengths: dict[str, list[int]], limit: int, say: Say) -> TaskPlan:
    """A task without examples of more than ``limit`` tokens."""
    examples, too_long = dict[str, tuple[Example, ...]](), dict[str, list[str]]()
    left_out = dict(task.left_out)
    for lang, own in task.examples.items():
        long = [one.id for one, n in zip(own, lengths[lang], strict=True) if n > limit]
        if len(long) == len(own):
            left_out[lang] = f"every example is longer than the {limit} tokens that the model reads"
            say(f"{task.task.name} {task.split} {lang} is left out: {left_out[lang]}")
            continue
        if long:
            too_long[lang] = long
            say(
                f"{task.task.name} {task.split} {lang}: {len(long)} of {len(own)} "
                f"examples are left out, longer than the {limit} tokens that the model reads"
            )
        kept = zip(own, lengths[lang], strict=True)
        examples[lang] = tuple(one for one, n in kept if n <= limit)
    return replace(task, examples=examples, too_long=too_long, left_out=left_out)


def _lengths(plan: Plan, task: TaskPlan, model: Model, limit: int) -> dict[str, list[int]]:
    """Tokens of the longest sequence that each example needs, by language."""
    template, found = plan.config.chat_template, dict[str, list[int]]()
    for lang, own in task.examples.items():
        forms = [own, *([one.example(e, lang) for e in own] for one in task.baselines)]
        if any(one.null == "paraphrase" for one in plan.nulls):
            forms.append([replace(one, source=one.paraphrase) for one in own])
        if task.mode == "generate":
            lengths = [_prompt_lengths(model, form, chat_template=template) for form in forms]
            found[lang] = [
                max(each) + plan.config.max_new_tokens for each in zip(*lengths, strict=True)
            ]
        else:
            lengths = [
                _with_candidates(model, form, limit, chat_template=template) for form in forms
            ]
            found[lang] = [max(each) for each in zip(*lengths, strict=True)]
    return found


def _with_candidates(
    model: Model, examples: Sequence[Example], limit: int, *, chat_template: bool
) -> list[int]:
    """Tokens of the longest sequence of each example: a prompt with one of its candidates.

    Candidates are tokenised only where they decide whether the example fits; elsewhere theirs are
    put at more than they can be.
    """
    found = []
    lengths = _prompt_lengths(model, examples, chat_template=chat_template)
    for one, longest in zip(examples, lengths, strict=True):
        spelled = (*one.candidates, *one.source_candidates)
        n_bytes = max((len(text.encode("utf-8", "replace")) for text in spelled), default=0)
        most = longest + _MOST_PER_BYTE * n_bytes
        if most > limit and longest < limit:
            item = item_of(model, one, chat_template=chat_template)
            most = max(
                len(item.source) + max(map(len, item.source_candidates), default=0),
                len(item.target) + max(map(len, item.target_candidates), default=0),
            )
        found.append(most)
    return found


def _prompt_lengths(model: Model, examples: Sequence[Example], *, chat_template: bool) -> list[int]:
    """Tokens of the longest of each example's prompts."""
    return [max(own) for own in example_lengths(model, examples, chat_template=chat_template)]
