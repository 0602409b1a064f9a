"""Loading prints nothing of transformers' own, and leaves its settings as they were."""

import warnings

import pytest
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from tiny import tiny_checkpoint
from transformers import AutoModelForCausalLM, logging

from xtransplant import XTransplantError, load
from xtransplant.model.quiet import quiet


def settings():
    return logging.get_verbosity(), logging.is_progress_bar_enabled(), are_progress_bars_disabled()


@pytest.fixture
def as_users_have_it():
    """What transformers starts with; the tests' own settings again afterwards."""
    level, bars, _ = settings()
    logging.set_verbosity_warning()
    with warnings.catch_warnings():  # the hub warns where the environment decides
        warnings.simplefilter("ignore")
        logging.enable_progress_bar()
        yield
        logging.set_verbosity(level)
        logging.enable_progress_bar() if bars else logging.disable_progress_bar()


@pytest.mark.usefixtures("as_users_have_it")
def test_nothing_is_printed_and_nothing_is_changed(capfd):
    path, before = tiny_checkpoint("llama"), settings()
    AutoModelForCausalLM.from_pretrained(path)
    assert "Loading weights" in capfd.readouterr().err
    load(path)
    assert "".join(capfd.readouterr()) == ""
    assert settings() == before
    with pytest.raises(XTransplantError):
        load("/no/such/folder")
    assert settings() == before


@pytest.mark.usefixtures("as_users_have_it")
def test_a_caller_who_asked_for_more_or_less_has_it():
    for level in (logging.INFO, logging.CRITICAL):
        logging.set_verbosity(level)
        with quiet():
            assert settings()[:2] == (level, False)
        assert settings()[:2] == (level, True)
    for switch, off in ((disable_progress_bars, True), (enable_progress_bars, False)):
        switch()
        with quiet():
            assert are_progress_bars_disabled() is off
        assert are_progress_bars_disabled() is off
