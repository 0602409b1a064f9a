"""Failures of the hub, which no test may reach: told from the exceptions its client raises."""

import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from nnsight.modeling.tp.plan import check_tp_request
from tiny import tiny_checkpoint
from transformers import AutoConfig

from xtransplant.model.failures import explain


def wrapped(cause, text):
    """As transformers raises it: an OSError of several lines, from the client's own error."""
    try:
        raise OSError(f"{text}\nread the docs\nat length") from cause
    except OSError as error:
        return error


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (
            GatedRepoError,
            "You are trying to access a gated repo.",
            "hf auth login (or set HF_TOKEN)",
        ),
        (RepositoryNotFoundError, "not a valid model identifier", "check the name"),
        (RevisionNotFoundError, "is not a valid git identifier", "check --revision"),
        (OfflineModeIsEnabled, "We couldn't connect", "HF_HUB_OFFLINE"),
        (LocalEntryNotFoundError, "We couldn't connect", "the hub cannot be reached"),
    ],
)
def test_hub(kind, text, says):
    # Made without their constructor, which wants the response of a server.
    message = str(explain(wrapped(kind.__new__(kind), text), "org/name", False))
    assert message.startswith("model 'org/name' ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("family", "says"),
    [
        ("llama", "cannot be split over so many processes; 2 would do: torchrun"),
        ("gpt2", "is of a family that cannot be split"),
    ],
)
def test_a_model_that_cannot_be_split_so(family, says):
    config = AutoConfig.from_pretrained(tiny_checkpoint(family))
    with pytest.raises(ValueError, match="split") as error:
        check_tp_request(config, 3)
    message = str(explain(error.value, "org/name", False))
    assert says in message
    assert "\n" not in message


def test_the_cause_is_dug_out_of_a_quoted_traceback():
    error = ValueError(
        "Could not load model x with any of the following classes: (...). See the original "
        "errors:\n\nTraceback (most recent call last):\n  File ...\nRuntimeError: no room\n\n"
    )
    assert str(explain(error, "org/name", False)).endswith("cannot be loaded: no room")


def test_an_exception_without_words():
    assert "TimeoutError" in str(explain(TimeoutError(), "org/name", False))


def test_weights_in_other_formats_on_the_hub():
    error = OSError("org/name does not appear to have a file named model.safetensors.")
    assert "no .safetensors weights" in str(explain(error, "org/name", False))
