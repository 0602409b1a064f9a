"""What a shell completes on Tab: names, also behind a comma; nothing of a name is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["COMPLETIONS"]


def _strategies() -> Iterable[str]:
    from xtransplant.strategies import strategy_names

    return strategy_names()


def _tasks() -> Iterable[str]:
    from xtransplant.tasks.task import task_names

    return task_names()


def _languages() -> Iterable[str]:
    from xtransplant.tasks.languages import NAMES

    return NAMES


def _configs() -> Iterable[str]:
    from xtransplant.bench.config_file import config_names

    return config_names()


def _completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """The names that go on from what was typed; those before the last comma stay."""

    def complete(incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names() if name.startswith(begun)]

    return complete


# By the parameter of a verb.
COMPLETIONS: dict[str, Callable[[str], list[str]]] = {
    "strategy": _completing(_strategies),
    "task": _completing(_tasks),
    "langs": _completing(_languages),
    "lang": _completing(_languages),
    "sources": _completing(_languages),
    "config": _completing(_configs),
}
