"""What is said of a language that a task has not."""

import pytest

from xtransplant.tasks.languages import unknown_language


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("swa", "; try --langs sw"),
        ("swh_Latn", "; try --langs sw"),
        ("Swahili", "; try --langs sw"),
        ("SW", "; try --langs sw"),
        ("sw，hi", "; try --langs sw,hi"),
        ("ｓｗ", "; try --langs sw"),
        ("quenya", ""),
    ],
)
def test_what_was_meant_is_offered(code, hint):
    assert (
        unknown_language(code, "babel", ("sw", "hi")) == f"--langs {code}: babel has sw, hi{hint}"
    )
