"""Words and templates: every language has the same words, and a template names what there is."""

import pytest

from xtransplant import XTransplantError
from xtransplant.tasks.words import check_template, fill, read_words

ROW = {"question": "cause", "text": "{WHY} {x}", "country": "Kenya"}
WORDS = {"WHY": {"cause": "its cause", "effect": "its effect"}, "HOW": "From {country}?"}


def test_a_template_is_filled_with_words_and_columns_once():
    template = "{HOW} {text}\n{WHY[question]}"
    assert fill(template, WORDS, ROW) == "From Kenya? {WHY} {x}\nits cause"


def test_a_value_without_a_word_is_said():
    with pytest.raises(ValueError, match="question 'when' is not cause or effect"):
        fill("{WHY[question]}", WORDS, {"question": "when"})


@pytest.mark.parametrize("template", ["{HOWEVER}", "{txt}", "{WHY[txt]}", "{text} {answer}"])
def test_a_template_that_names_what_is_not_there_is_refused(template):
    check_template("{HOW} {text} {WHY[question]}", WORDS, set(ROW))
    with pytest.raises(XTransplantError, match="is none of WHY, HOW, country, question, text"):
        check_template(template, WORDS, set(ROW))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[en]\nA = 1.2.3", "is no TOML"),
        ("[de]\nA = 'a'", r"no table \[en\]"),
        ("[en]\nA = 'a'\nB = 'b'\n[no]\nA = 'a'\nC = 'c'", r"\[no\] and \[en\].*not B, C"),
    ],
)
def test_words_that_cannot_serve_are_refused(tmp_path, text, said):
    (tmp_path / "words.toml").write_text(text)
    with pytest.raises(XTransplantError, match=said):
        read_words(tmp_path / "words.toml")
