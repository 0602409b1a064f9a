"""What a user is told of a checkpoint that does not load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xtransplant.errors import XTransplantError
from xtransplant.model.load import load


def refusal(name: str | Path, **options: Any) -> str:
    """The one line that a user gets."""
    with pytest.raises(XTransplantError) as caught:
        load(name, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message == message.strip()
    return message


def configure(folder: Path, **changes: Any) -> None:
    """Change fields of a checkpoint's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
