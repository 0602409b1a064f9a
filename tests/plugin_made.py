"""An installed package with a task and a matching rule of its own, in a folder on the path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

TASK = '''
from xtransplant.prompts import Example, Key
from xtransplant.tasks.matching import Verdict
from xtransplant.tasks.task import Task

def even(output, key):
    """The number that an output begins with is even, whatever the answer."""
    right = output.strip()[:2].isdecimal() and int(output.strip()[:2]) % 2 == REMAINDER
    return Verdict(right, right, True)

def broken(output, key):
    raise ZeroDivisionError("one by none")

def upside_down(output, key):
    return Verdict(strict=True, match=False, lenient=False)

def examples(lang, direction, split, data=None):
    return tuple(
        Example(f"The number of town {k} is", f"Namba ya mji {k} ni", (), None, str(k), "en", lang,
                Key(("12",)))
        for k in range(4)
    )

parity = Task(
    name="parity", summary="Numbers.", version="1", licence="MIT", languages={"sw": "Swahili"},
    direction="en-to-lang", splits=("all",), examples=examples, rule="even", mode="generate",
    scored=False, reads=(),
)
'''

ENTRIES = """[xtransplant.tasks]
parity = parity_plugin:parity
[xtransplant.rules]
even = parity_plugin:even
broken = parity_plugin:broken
upside-down = parity_plugin:upside_down
"""


def install(folder: Path, *, remainder: int = 0) -> ModuleType:
    """Write the package; another remainder is another version of its rule."""
    from xtransplant.tasks import rules

    info = folder / "parity_plugin-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parity-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (folder / "parity_plugin.py").write_text(TASK.replace("REMAINDER", str(remainder)))
    forget()
    return rules


def forget() -> None:
    """What a new process would not know of it either."""
    from xtransplant import plugins
    from xtransplant.tasks import rules

    importlib.invalidate_caches()
    plugins._find.cache_clear()
    sys.modules.pop("parity_plugin", None)
    rules._added.cache_clear()
