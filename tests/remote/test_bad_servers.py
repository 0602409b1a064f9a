"""Whatever is wrong with a server, its URL or its answers: one clear line, exit code 2, no harm."""

import socket
from dataclasses import replace

import pytest
from loopback import KEY, Real
from stages import without_stages

from xtransplant import load
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.cli.app import run as xtp
from xtransplant.engine.verify import PackingCheck
from xtransplant.packing import Packing

PACKED = PackingCheck(Packing(growing=True), worst=0.0, tolerance=1e-3)
TRACE = ("trace", "-s", "attn-swap", "--source-layers", "0", "--target-layers", "0")


@pytest.fixture(scope="module")
def far():
    """The bundled model, without its weights."""
    return load(CHECKPOINT, backend=Ndif("http://127.0.0.1:9"))


@pytest.fixture
def patience():
    """How long a server is waited for; a machine that is busy with other tests takes its time."""
    return {"timeout": 20.0, "largest": 2**22}


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path, far, patience):
    """A command that has to end in one line, on a server that is given up soon."""

    class Quick(Ndif):
        @classmethod
        def at(cls, address, flags):
            return replace(Ndif.at(address, flags), **patience, pause=0.001, attempts=3)

    monkeypatch.setattr("xtransplant.backends.ndif.backend.Ndif", Quick)
    # What a trace does before it asks takes longer than what is tried here.
    monkeypatch.setattr("xtransplant.grid.transplant.packing_for", lambda model: PACKED)
    monkeypatch.setattr(
        "xtransplant.bench.load.load",
        lambda name, backend, **options: replace(far, backend=backend),
    )
    monkeypatch.chdir(tmp_path)

    def one(on, *words, command=TRACE):
        code = xtp([*command, "--on", on])
        captured = capsys.readouterr()
        assert (code, captured.out) == (2, ""), captured
        assert captured.err.startswith("xtp: ")
        said = without_stages(captured.err)
        assert len(said) == 1, captured
        assert said[0].isprintable()
        for word in words:
            assert word in captured.err
        for secret in (KEY, "secret", "hunter2"):
            assert secret not in captured.err
        assert not list(tmp_path.iterdir())
        return captured.err

    return one


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.ndif.us", "has to begin with https://"),
        ("ftp://api.ndif.us", "has to begin with https://"),
        ("file:///etc/passwd", "has to begin with https://"),
        ("HTTPS://api.ndif.us", "has to begin with https://"),
        ("https://", "names no host"),
        ("https://:443", "names no host"),
        ("http://127.0.0.1:99999", "Port out of range"),
        ("http://127.0.0.1:many", "Port could not be cast"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("https://api.ndif.us/ status", "holds a space"),
        ("https://api.ndif.us\x1b]31m", "should be a URL"),
        ("https://api.ndif.us/\u202emoc", "control character"),
        ("https://me:key@api.ndif.us", "holds a name or password"),
        ("https://api.ndif.us?key=1", "goes on after the server's address"),
        ("http://example.org", "--insecure"),
        ("http://127.0.0.1.example.org:5000", "--insecure"),
        ("http://localhost@example.org", "holds a name or password"),
        ("http://127.0.0.1:9", "cannot connect"),
    ],
)
def test_a_url_that_cannot_be_asked(refused, url, words):
    refused(f"ndif:{url}", words)


@pytest.mark.parametrize("verb", [TRACE, ("models",)])
def test_a_host_that_there_is_not_is_not_looked_for_again(refused, monkeypatch, verb):
    asked = []

    def unknown(host, *arguments, **options):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    refused("ndif:https://api.ndif.su", "there is no host of that name", command=verb)
    assert len(asked) == 1


@pytest.mark.parametrize("verb", [TRACE, ("models",)])
def test_https_where_plain_http_is_spoken(refused, ndif, verb):
    if isinstance(ndif, Real):
        pytest.skip("it may well speak https")
    url = ndif.url.replace("http:", "https:")
    refused(f"ndif:{url}", "does not speak https there", command=verb)


# What is armed, at what, and what the line says.
ANSWERS = [
    ("400", None, "API key format: '<your key>'"),
    ("401", None, "answered 401: Invalid API key; set your key with `nnsight login`"),
    ("403", None, "answered 403: Invalid API key.; your key may not use this model"),
    ("404", None, "answered 404: Model not deployed; see what is deployed"),
    ("429", None, "answered 429: Too many requests (3 attempts)"),
    ("503", None, "answered 503: Overloaded (3 attempts)"),
    ("refuse", None, "the connection was closed before the job had ended (3 attempts)"),
    ("page", "/request", "a status could not be read"),
    ("empty", "/request", "a status could not be read"),
    ("braces", "/request", "a status could not be read"),
    ("moved", "/request", "a redirect to http://example.org, which is not followed"),
    ("moved websocket", None, "a redirect, which is not followed"),
    ("no session", None, "the session's first message could not be read"),
    ("garbled", "RUNNING", "a status could not be read"),
    ("drop", "RUNNING", "the connection was closed before the job had ended (3 attempts)"),
    ("never", None, "the job said nothing for 0.3 s (3 attempts)"),
    ("chatter", None, "the job said nothing for 0.3 s (3 attempts)"),
    ("no result", None, "names no result"),
    ("no dict", None, "answered with no values"),
    ("other name", None, "answered with no values"),
    ("not zstd", None, "the result could not be read (ZstdError), and a second time"),
    ("truncated", None, "the result could not be read (ZstdError), and a second time"),
    ("no archive", None, "the result could not be read (ValueError), and a second time"),
    ("bomb", None, "1.1e+03 GB, more than the 0.0042 GB"),
    ("packed archive", None, "the result could not be read (ValueError), and a second time"),
    ("object", None, "names datetime.date, where only tensors were asked, and was not opened"),
    ("sparse", None, "torch.sparse_coo"),
    ("words", None, "answered with str for edges"),
    ("count", None, "answered with 4 results where 2 were asked"),
    ("names", None, "answered with NoneType for edges"),
    ("shapes", None, "answered with (1,) for edges where"),
    ("writes", None, "answered with (1,) for writes where"),
    ("integers", None, "answered with torch.int64 for edges"),
    ("ids", None, "that are no tokens of"),
    ("nan", None, "not finite"),
    ("inf", None, "not finite"),
    ("other place", "http://example.org/r?secret=1", "lies at http://example.org, which was not"),
    ("other place", "file:///etc/passwd", "has to begin with https://"),
    ("other place", "ftp://example.org/r", "has to begin with https://"),
    ("other place", "s3:bucket", "has to begin with https://"),
    ("other place", "https://127.0.0.1:9/r", "the result could not be fetched"),
    ("other place", "/moved", "a redirect to http://example.org, which is not followed"),
    ("other place", "/large", "1.1e+03 GB, more than the 0.0042 GB"),
    ("other place", "/endless", "GB, more than the 0.0042 GB"),
    ("other place", "/status", "the result could not be read (ZstdError), and a second time"),
    ("expired", None, "the result could not be fetched (403) (3 attempts)"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at", "words"), ANSWERS)
def test_an_answer_that_is_none(refused, ndif, patience, kind, at, words):
    ndif.arm(kind, 99, at)
    if kind in ("never", "chatter"):
        patience["timeout"] = 0.3
    refused(f"ndif:{ndif.url}", ndif.url, words)


def test_a_job_that_errs_is_said_in_plain_characters_without_the_key(refused, ndif):
    ndif.arm("error", 99)
    line = refused(f"ndif:{ndif.url}", "the job failed on", "ValueError: no <your key> ")
    assert "\N{REPLACEMENT CHARACTER}[31mred" in line


@pytest.mark.parametrize("by_url", [False, True])
def test_a_pickle_that_would_run_code_does_not(refused, ndif, tmp_path, by_url):
    made = tmp_path.parent / f"{tmp_path.name}-made"
    ndif.arm("evil", 99, str(made), **{"by url": by_url})
    refused(f"ndif:{ndif.url}", "mkdir, where only tensors were asked, and was not opened")
    assert not made.exists()


def test_a_status_that_would_run_code_does_not(refused, ndif, tmp_path):
    made = tmp_path.parent / f"{tmp_path.name}-made"
    ndif.arm("evil frame", 99, "COMPLETED", path=str(made))
    refused(f"ndif:{ndif.url}", "a status could not be read (UnpicklingError), and a second time")
    assert not made.exists()


# Jobs sent, and results fetched, until the command ends.
COUNTS = [
    ("torn", {"by url": True}, 1, 2),  # what is damaged where it lies is not computed again
    ("torn", {}, 2, 0),
    ("truncated", {"by url": True}, 1, 3),  # the way may be at fault: as often as anything
    ("result503", {"by url": True}, 1, 3),
    ("expired", {}, 3, 3),
    ("no result", {}, 2, 0),
    ("nan", {}, 1, 0),
    ("evil", {"at": "/nowhere"}, 1, 0),
    ("bomb", {}, 1, 0),
    ("garbled", {"at": "RUNNING"}, 2, 0),
]


@pytest.mark.parametrize(("kind", "more", "jobs", "fetched"), COUNTS)
def test_only_what_can_pass_by_is_asked_again(refused, ndif, kind, more, jobs, fetched):
    ndif.reset()
    ndif.arm(kind, 99, **more)
    refused(f"ndif:{ndif.url}")
    assert (ndif.log["jobs"], ndif.log["fetched"]) == (jobs, fetched)


@pytest.mark.parametrize(
    ("kind", "at", "words"),
    [
        ("page", "/status", "answered with a web page where JSON was asked; is it NDIF?"),
        ("empty", "/status", "answered with nothing where JSON was asked; is it NDIF?"),
        ("braces", "/status", "/status lists no deployments; is it NDIF?"),
        ("list", "/status", "/status lists no deployments; is it NDIF?"),
        ("moved", "/status", "a redirect to http://example.org, which is not followed"),
        ("gzip", "/status", "packs its answer as 'gzip'"),
    ],
)
def test_a_list_of_models_that_is_none(refused, ndif, kind, at, words):
    ndif.arm(kind, 99, at)
    refused(f"ndif:{ndif.url}", words, command=("models",))


def test_what_is_far_too_long_is_not_read(refused, ndif, patience):
    patience["largest"] = 2**16
    ndif.arm("long", 99, "/status")
    refused(f"ndif:{ndif.url}", "GB, more than the", command=("models",))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_a_ray_address_where_no_cluster_is(refused, address):
    pytest.importorskip("ray", reason="a Ray pool needs ray (extra ray)")
    command = ("bench", "-t", "babel", "-s", "none", "--limit", "1", "-l", "sw", "-o", "x")
    refused(f"ray:{address}", "no cluster answers there", command=command)
