"""What a user of an NDIF server sees when something fails: tried again, or one line at once."""

import numpy as np
import pytest
import raw_cases
from far import grid, warm
from loopback import KEY
from tiny import GOLDEN
from travel_cases import recorded

from xtransplant import XTransplantError, load
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.backends.ndif.client import send
from xtransplant.backends.ndif.http import Answer
from xtransplant.compat.nnsight import RemoteBackend, RequestModel

PASSING = [
    ("refuse", None), ("429", None), ("500", None), ("503", None), ("expired", None),
    *(("drop", status) for status in ("QUEUED", "RUNNING", "COMPLETED")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "at"), PASSING)
def test_what_passes_by_is_tried_again(asked, near, packed, kind, at):
    far, said, server = asked
    warm(far, packed)
    server.arm(kind, 2, at)
    there = grid(far)
    assert np.abs(there.scores.logprobs - grid(near).scores.logprobs).max() < 1e-5
    assert sum("trying again" in line for line in said) == 2


@pytest.mark.parametrize(("kind", "at"), PASSING)
def test_what_does_not_pass_is_one_line_in_the_end(asked, packed, kind, at):
    far, _, server = asked
    warm(far, packed)
    server.arm(kind, 99, at)
    with pytest.raises(XTransplantError, match=r"\(5 attempts\)") as error:
        grid(far)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("401", "answered 401: Invalid API key; set your key"),
        ("404", "answered 404: Model not deployed; see what is deployed"),
        ("shapes", "answered with"),
        ("nan", "not finite"),
    ],
)
def test_what_is_final_is_said_at_once(asked, packed, kind, words):
    far, said, server = asked
    warm(far, packed)
    server.arm(kind, 1)
    with pytest.raises(XTransplantError, match=words):
        grid(far)
    assert not any("trying again" in line for line in said)


def test_an_error_in_the_block_is_the_servers_own_words(asked, packed, tmp_path):
    far, said, _ = asked
    warm(far, packed)
    recorded(tmp_path, 'def broken(x):\n    raise ValueError("no such thing")\n', "broken")
    with pytest.raises(XTransplantError, match=r"the job failed on .*: ValueError: no such"):
        grid(far, str(tmp_path / "mine.py"))
    assert not any("trying again" in line for line in said)


def test_an_error_in_a_raw_strategy_is_the_servers_own_words(asked, packed):
    far, _, _ = asked
    warm(far, packed)
    with pytest.raises(XTransplantError, match=r"the job failed on .*: ValueError: no such thing"):
        grid(far, f"{raw_cases.__file__}:broken")


def test_a_large_job_that_is_refused_says_what_would_be_right(ndif, monkeypatch):
    client = RemoteBackend("model", host=ndif.url)
    refusal = Answer(400, b'{"detail": "cannot be read"}')
    monkeypatch.setattr("xtransplant.backends.ndif.client.request", lambda *asked, **more: refusal)
    for size, words in ((2 * 10**6, "cannot be read; some releases"), (10, "cannot be read$")):
        with pytest.raises(XTransplantError, match=words):
            send(client, RequestModel(model_key="model"), bytes(size))


def test_a_job_that_never_ends_is_given_up(ndif):
    far = load(GOLDEN / "llama", backend=Ndif(ndif.url, attempts=2, pause=0.01, timeout=0.5))
    ndif.arm("never", 99)
    with pytest.raises(XTransplantError, match="said nothing for"):
        grid(far)


def test_nobody_there_is_one_line():
    far = load(GOLDEN / "llama", backend=Ndif("http://127.0.0.1:9", attempts=2, pause=0.01))
    with pytest.raises(XTransplantError, match=r"cannot connect .* \(2 attempts\)"):
        grid(far)
