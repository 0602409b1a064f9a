"""What a user is told of a checkpoint that does not load."""

import json

import pytest

from xtransplant.errors import XTransplantError
from xtransplant.model.load import load


def refusal(name, **options):
    """The one line that a user gets."""
    with pytest.raises(XTransplantError) as caught:
        load(name, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message == message.strip()
    return message


def configure(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
