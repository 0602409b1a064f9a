"""What a run's strategies were given: values of their options, and which of these are swept."""

from __future__ import annotations

from typing import Any

from xtransplant.runs.manifest import Manifest

__all__ = [
    "family_of",
    "is_text",
    "label_of",
    "option_columns",
    "options_of",
    "swept_options",
]


def options_of(manifest: Manifest, strategy: str) -> dict[str, Any]:
    """The value of every option of a strategy; in older runs of those alone that were given."""
    entry = manifest.strategies.get(strategy, {})
    found: dict[str, Any] = entry.get("bound", entry.get("options", {}))
    return found


def family_of(manifest: Manifest, strategy: str) -> tuple[Any, ...]:
    """What strategies have in common that differ in the values of their options alone."""
    entry = manifest.strategies.get(strategy, {})
    return entry.get("name", strategy), entry.get("source_hash"), *options_of(manifest, strategy)


def swept_options(manifest: Manifest, strategy: str) -> tuple[str, ...]:
    """The options that have several values among a strategy's family in its run."""
    own = family_of(manifest, strategy)
    family = [
        options_of(manifest, one) for one in manifest.strategies if family_of(manifest, one) == own
    ]
    return tuple(name for name in family[0] if len({str(one[name]) for one in family}) > 1)


def label_of(manifest: Manifest, strategy: str) -> str:
    """A strategy's name; in a sweep with its value there, also where that is the default.

    The run knows it by a name that leaves defaults out, as in other runs.
    """
    entry, swept = manifest.strategies[strategy], swept_options(manifest, strategy)
    if not swept:
        return strategy
    shown = {**entry["options"], **{name: options_of(manifest, strategy)[name] for name in swept}}
    values = ", ".join(f"{name}={shown[name]}" for name in sorted(shown))
    return f"{entry['name']}({values})"


def option_columns(manifest: Manifest, strategy: str) -> dict[str, Any]:
    """Of a CSV's row: the value of each option, in a column ``option:NAME``."""
    return {f"option:{name}": value for name, value in options_of(manifest, strategy).items()}


def is_text(column: str, value: object) -> bool:
    """Whether a value of a CSV's row is an option's text."""
    return column.startswith("option:") and isinstance(value, str)
