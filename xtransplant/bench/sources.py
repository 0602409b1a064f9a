"""Languages of further source prompts, and the strategies that read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xtransplant.errors import XTransplantError
from xtransplant.strategies import Strategy
from xtransplant.strategies.describe import reads_mean

__all__ = ["check_sources"]


def check_sources(sources: Sequence[str], strategies: Mapping[str, Strategy]) -> None:
    """Refuse languages of sources that no strategy reads, and a strategy that has none to read.

    Args:
        sources: codes, as ``--sources`` has them.
        strategies: by name.

    Raises:
        XTransplantError: one or the other.
    """
    reading = {name: reads_mean(strategy) for name, strategy in strategies.items()}
    if sources and not any(one is not False for one in reading.values()):
        named = ", ".join(strategies) or "no strategy"
        raise XTransplantError(
            f"--sources {','.join(sources)} does nothing for {named}: a strategy that takes the "
            "mean over several source prompts (source.mean) reads them, such as resid-mean-swap"
        )
    needing = [name for name, one in reading.items() if one]
    if needing and not sources:
        raise XTransplantError(
            f"{needing[0]} takes the mean over several source prompts (source.mean): name their "
            "languages, --sources CODE,CODE"
        )
