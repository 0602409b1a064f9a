"""Here and on the loopback NDIF: the same numbers; and what a user sees when something fails."""

import dataclasses

import numpy as np
import pytest
import raw_cases
from loopback import KEY, Real
from tiny import EXAMPLE, GOLDEN, make_tiny
from travel_cases import BAD, GOOD, recorded

from xtransplant import XTransplantError, capture, load, transplant
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.backends.ndif.client import send
from xtransplant.backends.ndif.http import Answer
from xtransplant.backends.registry import open_backend, parse_on
from xtransplant.compat.nnsight import RemoteBackend, RequestModel
from xtransplant.engine.verify import packing_for
from xtransplant.packing import MASKED
from xtransplant.strategies import strategy_names


@pytest.fixture
def asked(ndif, monkeypatch):
    """The golden Llama over there, what is said of its jobs, and its server."""
    said = []
    server = Ndif(ndif.url, pause=0.01, timeout=20.0, say=said.append)
    model = load(GOLDEN / "llama", backend=server)
    return model, said, ndif


@pytest.fixture(scope="module")
def packed():
    """Packing is verified once per model object: this one keeps what was found."""
    return {}


def grid(model, strategy="attn-swap", **options):
    return transplant(model, EXAMPLE, strategy, **options)


def warm(model, packed):
    """Take over what the check of packing found before, as one long session would."""
    from xtransplant.engine import verify

    if "check" not in packed:
        packed["check"] = packing_for(model)
    verify._CHECKS[model] = packed["check"]


@pytest.mark.parametrize("name", strategy_names())
def test_scores_are_those_here(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    there, here = grid(far, name), grid(near, name)
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert np.abs(there.scores.vanilla - here.scores.vanilla).max() < 1e-5
    assert np.abs(there.scores.source - here.scores.source).max() < 1e-5
    same_writes(there.scores.writes, here.scores.writes)


def same_writes(there, here):
    for field in dataclasses.fields(here):
        one, other = (getattr(writes, field.name) for writes in (there, here))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", strategy_names())
def test_generations_are_those_here(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    options = {"scores": False, "generations": True, "max_new_tokens": 6}
    there, here = (grid(model, name, **options).generations for model in (far, near))
    assert there.outputs == here.outputs
    same_writes(there.writes, here.writes)


def test_what_overflows_over_there_is_recorded_as_here(asked, near, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    (tmp_path / "mine.py").write_text(
        '"""Too much for any precision."""\n'
        "from xtransplant import strategy\n\n\n"
        '@strategy("too-much")\n'
        "def too_much(source, target, i, j):\n"
        "    target.ffn[j] = (1e39 if i else 1.0) * source.ffn[i]\n"
    )
    options = {"generations": True, "max_new_tokens": 3}
    there, here = (grid(model, str(tmp_path / "mine.py"), **options) for model in (far, near))
    assert not here.finite.all()
    assert (there.finite == here.finite).all()
    assert (there.finite[0]).all()
    assert there.generations.finite == here.generations.finite
    assert there.scores.vanilla_finite
    assert np.abs(there.scores.vanilla - here.scores.vanilla).max() < 1e-5
    assert grid(far, "none", **options).unchanged


def test_packing_is_verified_over_there(asked):
    far, _, _ = asked
    check = packing_for(far)
    assert check.packing.together
    assert not check.packing.shared_prefix


def test_activations_are_those_here(asked, near):
    there, here = (capture(model, EXAMPLE.source)["resid_post"] for model in (asked[0], near))
    assert (there - here).abs().max() < 1e-5


def test_a_grid_is_one_job_and_small(asked, packed):
    far, _, server = asked
    warm(far, packed)
    before = server.log["jobs"]
    grid(far)
    after = server.log
    assert after["jobs"] - before == 1
    assert after["payload"] < 100_000
    assert after["answer"] < 100_000


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


def test_a_users_function_travels_by_value(asked, near, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    recorded(tmp_path, "def bend(x):\n    return x.tanh()\n", "bend")
    file = tmp_path / "mine.py"
    there, here = (grid(model, str(file)).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


def raw_grid(model, name):
    return grid(model, f"{raw_cases.__file__}:{name}", generations=True, max_new_tokens=4)


@pytest.mark.parametrize("name", ["raw-attn", "raw-blend", "nearest-token", "uphill"])
def test_a_raw_strategy_travels_by_value(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    there, here = raw_grid(far, name), raw_grid(near, name)
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert there.generations.outputs == here.generations.outputs


def test_a_raw_grid_is_one_job_for_scores_and_one_for_texts(asked, packed):
    far, _, server = asked
    warm(far, packed)
    before = server.log["jobs"]
    raw_grid(far, "raw-attn")
    # Each with and without a transplant, and the source's own text.
    assert server.log["jobs"] - before == 5


def test_an_error_in_a_raw_strategy_is_the_servers_own_words(asked, packed):
    far, _, _ = asked
    warm(far, packed)
    with pytest.raises(XTransplantError, match=r"the job failed on .*: ValueError: no such thing"):
        grid(far, f"{raw_cases.__file__}:broken")


@pytest.mark.parametrize("name", [*GOOD, "large global"])
def test_what_the_lint_leaves_alone_travels(asked, near, packed, tmp_path, name):
    far, _, server = asked
    warm(far, packed)
    recorded(tmp_path, *(GOOD.get(name) or BAD[name])[:2])
    file = str(tmp_path / "mine.py")
    if name == "large global" and isinstance(server, Real):
        with pytest.raises(XTransplantError, match="of more than a megabyte: hold less"):
            grid(far, file)
        return
    there, here = (grid(model, file).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("decorated", "decorates h names what it wraps"),
        ("this package", "No module named 'xtransplant'"),
        ("bare super", "super()"),
    ],
)
def test_what_the_lint_finds_does_not(asked, packed, tmp_path, name, words):
    far, _, _ = asked
    warm(far, packed)
    recorded(tmp_path, *BAD[name][:2])
    with pytest.raises(XTransplantError) as error:
        grid(far, str(tmp_path / "mine.py"))
    assert words in str(error.value)


def test_the_lint_is_right_about_decorators(asked, near, packed, tmp_path, monkeypatch):
    # Let through, it gives other numbers, and no error.
    far, _, _ = asked
    warm(far, packed)
    monkeypatch.setattr("xtransplant.grid.transplant.check_travel", lambda variants: None)
    recorded(tmp_path, *BAD["decorated helper"][:2])
    file = str(tmp_path / "mine.py")
    there, here = (grid(model, file).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() > 1e-3


def test_a_large_job_that_is_refused_says_what_would_be_right(ndif, monkeypatch):
    client = RemoteBackend("model", host=ndif.url)
    refusal = Answer(400, b'{"detail": "cannot be read"}')
    monkeypatch.setattr("xtransplant.backends.ndif.client.ask", lambda *asked, **more: refusal)
    for size, words in ((2 * 10**6, "cannot be read; some releases"), (10, "cannot be read$")):
        with pytest.raises(XTransplantError, match=words):
            send(client, RequestModel(model_key="model"), bytes(size))


def test_what_cannot_be_written_down_is_one_line(asked, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    recorded(
        tmp_path, "import threading\nL = threading.Lock()\ndef f(x):\n    L\n    return x\n", "f"
    )
    with pytest.raises(XTransplantError, match="holds cannot be sent: cannot pickle"):
        grid(far, str(tmp_path / "mine.py"))


def test_a_model_that_cannot_be_packed_there_runs_one_per_row(ndif, tmp_path):
    # GPT-2 reshapes its output to the length of its input: the faster way ends in an error there.
    folder = tmp_path / "gpt2"
    make_tiny("gpt2", str(folder))
    ndif.deploy(folder)
    far, near = load(folder, backend=Ndif(ndif.url)), load(folder)
    check = packing_for(far)
    assert check.packing == MASKED
    assert "fails" in check.reason
    there, here = (grid(model).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


def test_a_job_that_never_ends_is_given_up(ndif):
    far = load(GOLDEN / "llama", backend=Ndif(ndif.url, attempts=2, pause=0.01, timeout=0.5))
    ndif.arm("never", 99)
    with pytest.raises(XTransplantError, match="said nothing for"):
        grid(far)


def test_big_results_come_by_url(asked, near, packed):
    far, _, server = asked
    warm(far, packed)
    server.arm("url", 1)
    there = grid(far).scores.logprobs
    assert np.abs(there - grid(near).scores.logprobs).max() < 1e-5


def test_nobody_there_is_one_line():
    far = load(GOLDEN / "llama", backend=Ndif("http://127.0.0.1:9", attempts=2, pause=0.01))
    with pytest.raises(XTransplantError, match=r"cannot connect .* \(2 attempts\)"):
        grid(far)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere", "--on 'nowhere' should be local, ndif"),
        ("local:x", "should be local"),
        ("ndif:", "should be local"),
        ("ndif:api.ndif.us", "should be a URL"),
        ("ndif:http://example.org", "plain http"),
    ],
)
def test_where_is_read_strictly(text, said):
    with pytest.raises(XTransplantError, match=said):
        parse_on(text)


def test_a_configured_host_is_looked_at_too(monkeypatch):
    from nnsight.schema.config import CONFIG

    monkeypatch.setattr(CONFIG.API, "HOST", "http://example.org")
    with pytest.raises(XTransplantError, match="plain http"):
        open_backend(parse_on("ndif"))
    assert open_backend(parse_on("ndif", insecure=True)).url == "http://example.org"


def test_where_is_read():
    assert parse_on("ndif:http://127.0.0.1:5000").address == "http://127.0.0.1:5000"
    assert parse_on("ndif:http://example.org", insecure=True).name == "ndif"
    assert parse_on("ray:10.0.0.1:6379").address == "10.0.0.1:6379"
    assert str(parse_on("local")) == "local"


def test_this_package_cannot_be_imported_over_there(asked):
    # Else the tests above would prove nothing.
    import subprocess
    import sys
    from pathlib import Path

    code = (Path(__file__).parent / "server.py").read_text().split('os.environ["HF_HUB')[0]
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport xtransplant"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "No module named 'xtransplant'" in done.stderr
