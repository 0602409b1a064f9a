"""What is given to ``transplant`` in another form than it takes, said before anything runs."""

import pytest
from tiny import EXAMPLE

from xtransplant import XTransplantError, transplant


def undecorated(source, target, i, j):
    target.ffn[j] = source.ffn[i]


@pytest.mark.parametrize(
    ("strategy", "options", "words"),
    [
        (undecorated, {}, r"no strategy; decorate it, @strategy\('undecorated'\)"),
        (3, {}, "3 is no strategy; give its name or file"),
        ("ffn-swap", {"source_layers": 3}, r"source_layers are numbers, as in \[0, 4\].* not 3"),
        ("ffn-swap", {"target_layers": "0:4"}, "target_layers are numbers.*not '0:4'"),
        ("blend", {"weight": 0.3}, r"no keyword 'weight'.*with_options\(weight=\.\.\.\)"),
        ("ffn-swap", {"generation": True}, "no keyword 'generation' .nearest: generations"),
    ],
)
def test_what_cannot_be_taken_is_named_with_what_can(llama, strategy, options, words):
    with pytest.raises(XTransplantError, match=words):
        transplant(llama, EXAMPLE, strategy, **options)
