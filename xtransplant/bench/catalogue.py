"""What there is to choose from: strategies, tasks, model families and languages."""

from __future__ import annotations

from xtransplant.model.family_table import FAMILIES
from xtransplant.strategies import find_strategy, strategy_names
from xtransplant.tasks.task import Task, find_task, task_names

__all__ = ["catalogue"]


def catalogue(kind: str) -> list[dict[str, str]]:
    """Rows of ``xtp list``: name and summary of every strategy, task, family or language.

    A strategy's row has its ``formula`` too, empty where its file says none.
    """
    if kind == "strategies":
        found = [find_strategy(name) for name in strategy_names()]
        return [
            {"name": s.name, "summary": s.doc.partition("\n")[0], "formula": s.formula}
            for s in found
        ]
    tasks = [find_task(name) for name in task_names()]
    if kind == "tasks":
        return [{"name": task.name, "summary": task.summary} for task in tasks]
    if kind == "languages":
        return _languages(tasks)
    return [{"name": name, "summary": family.summary} for name, family in FAMILIES.items()]


def _languages(tasks: list[Task]) -> list[dict[str, str]]:
    """Every language once, with the tasks that have it."""
    names: dict[str, str] = {}
    having: dict[str, list[str]] = {}
    for task in tasks:
        for code, name in task.languages.items():
            names.setdefault(code, name)
            having.setdefault(code, []).append(task.name)
    return [
        {"name": code, "summary": f"{names[code]} ({', '.join(having[code])})"}
        for code in sorted(names)
    ]
