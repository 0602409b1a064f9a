"""``xtp new``, ``xtp check`` and ``xtp show -m``: exit codes, lines and JSON."""

import json

import pytest

from xtransplant.benchmarks.babel import CHECKPOINT

BROKEN = """from xtransplant import strategy


@strategy("nothing", raw=True)
def nothing(model, i, j):
    model.model.layers[i].mlp.output.sum()
    yield
    model.model.layers[j].mlp.output.sum()
"""


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_strategy_passes_its_checks(xtp, inside):
    made = xtp("new", "my-idea")
    assert (made.code, made.err) == (0, "")
    lines = made.out.splitlines()
    assert lines[0] == "wrote my_idea.py and test_my_idea.py; next:"
    commands = [line.split() for line in lines[1:]]
    assert [words[:2] for words in commands] == [["xtp", "check"], ["xtp", "trace"]]
    checked = xtp(*commands[0][1:], "--quiet")
    assert (checked.code, checked.err) == (0, "")
    assert "    target.ffn[j] = target.ffn[j] + 0.5 * source.ffn[i]\n" in checked.out
    assert "written: target.ffn[2] at the last token" in checked.out
    assert "\nchecks, on babel/checkpoint\n" in checked.out
    assert xtp(*commands[1][1:], "--json", "--quiet", "--source-layers", "0").code == 0
    again = xtp("new", "my-idea")
    assert (again.code, again.out) == (2, "")
    assert "'my_idea.py' is there already" in again.err


def test_a_new_fitted_strategy_runs_by_the_commands_it_names(xtp, inside):
    made = xtp("new", "my-idea", "--fitted")
    assert (made.code, made.err) == (0, "")
    fit, check, trace = [line.split()[1:] for line in made.out.splitlines()[1:]]
    assert xtp(*fit, "--langs", "sw", "--limit", "2", "--quiet").code == 0
    checked = xtp(*check, "--quiet")
    assert (checked.code, checked.err) == (0, "")
    traced = xtp(*trace, "--json", "--quiet", "--source-layers", "0", "--target-layers", "1")
    assert (traced.code, json.loads(traced.out)["note"]) == (0, "")


def test_a_check_that_fails_is_exit_code_1(xtp, inside):
    (inside / "nothing.py").write_text(BROKEN)
    found = xtp("check", "nothing.py", "--quiet", "--json")
    assert (found.code, found.err) == (1, "")
    report = json.loads(found.out)
    checks = {one["name"]: one["status"] for one in report["checks"]}
    assert [name for name, status in checks.items() if status == "failed"] == ["changes something"]
    assert report["plan"]["writes"] == []


def test_what_cannot_be_recorded_is_exit_code_2_with_its_line(xtp, inside):
    (inside / "typo.py").write_text(
        'from xtransplant import strategy\n\n\n@strategy("typo")\n'
        "def typo(source, target, i, j):\n    target.fnn[j] = source.ffn[i]\n"
    )
    found = xtp("check", "typo.py", "--quiet")
    assert (found.code, found.out) == (2, "")
    assert "typo.py line 6: target.fnn is no site (nearest: ffn); the sites are" in found.err


@pytest.mark.parametrize(
    "body",
    [
        "target.fnn[j] = source.ffn[i]",
        "target.ffn[j] = sorce.ffn[i]",
        "target.ffn[j] = source.ffn[i].mean()",
        "target.ffn[j] = 0 if source.ffn[i] else 1",
    ],
)
@pytest.mark.parametrize(
    "command", ["check FILE", "trace -s FILE", "lens -s FILE --pair 1:1", "bench -t babel -s FILE"]
)
def test_what_no_model_can_do_is_said_before_one_is_loaded(xtp, inside, monkeypatch, body, command):
    from xtransplant.bench import load as module

    monkeypatch.setattr(module, "load", lambda *_, **__: pytest.fail("a model is loaded"))
    (inside / "typo.py").write_text(
        'from xtransplant import strategy\n\n\n@strategy("typo")\n'
        f"def typo(source, target, i, j):\n    {body}\n"
    )
    found = xtp(*(word.replace("FILE", "typo.py") for word in command.split()))
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("xtp: strategy typo")
    assert "typo.py line 6" in found.err
    assert len(found.err.splitlines()) == 1


def test_what_another_model_may_have_is_left_to_the_model(xtp, inside):
    (inside / "wide.py").write_text(
        'from xtransplant import strategy\n\n\n@strategy("wide")\n'
        "def wide(source, target, i, j):\n"
        "    assert target.n_layers == 8\n    target.ffn[j] = {8: 1}[target.n_layers]\n"
    )
    found = xtp("check", "wide.py", "--quiet")
    assert (found.code, found.err) == (0, "")


def test_options_are_checked_as_they_are_bound(xtp):
    found = xtp("check", "blend", "-S", "weight=1", "--quiet")
    assert found.code == 0
    assert "\n    target.ffn[j] = source.ffn[i]\n" in found.out


def test_show_prints_the_plan_of_a_model_without_its_weights(xtp, golden):
    shown = xtp(
        "show", "blend", "-S", "site=resid_pre", "-m", str(golden / "llama"), "--pair", "2:1"
    )
    assert shown.code == 0
    assert (
        "    target.resid_pre[j] = 0.5 * target.resid_pre[j] + 0.5 * source.resid_pre[i]"
        in shown.out
    )
    assert "plan, at layer pair 2→1 of layers 0 to 3" in shown.out
    assert "the altered keys and values of layers 1 to 3 at that token" in shown.out
    about = json.loads(xtp("show", "blend", "-m", str(CHECKPOINT), "--pair", "7,0", "--json").out)
    plan = about["plan"]
    assert (plan["source_layer"], plan["target_layer"], plan["n_layers"]) == (7, 0, 8)
    (write,) = plan["writes"]
    assert write["stop"] == plan["n_target"] == write["start"] + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "blend", "--pair", "2:1"), "--pair says nothing without a model"),
        (("show", "blend", "--lang", "sw"), "--lang says nothing without a model"),
        (("show", "blend", "-m", "BABEL", "--pair", "8:0"), "8:0 is out of range"),
        (("show", "blend", "-m", "BABEL", "--pair", "two"), "'two' should be two layers"),
        (("check", "blend", "--sources", "sw"), "--sources sw does nothing for blend"),
        (("show", "blend", "-S", "weigth=1"), "no option 'weigth' (nearest: weight)"),
        (("check", "blend", "-m", ""), "--model is empty"),
        (("check", "blend", "--source", "a"), "--target is missing"),
        (("check", "blend", "--source", "a", "--target", "b"), "no model for these prompts"),
        (("check", "nothing.py"), "no strategy file 'nothing.py'"),
        (("check", "attn-swop"), "nearest: attn-swap"),
    ],
)
def test_bad_input_is_one_line(xtp, arguments, words):
    given = [str(CHECKPOINT) if one == "BABEL" else one for one in arguments]
    found = xtp(*given)
    assert (found.code, found.out) == (2, "")
    assert words in found.err.splitlines()[-1]


FITTED = """
from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def means(stats):
    return {"offset": {lang: stats.mean(lang) for lang in stats.languages}}


@strategy("neutral", fit=means)
def neutral(source, target, i, j, fit):
    target.resid_post[j] = target.resid_post[j] - fit["offset"]["target"][j]
"""


def test_without_its_fit_what_is_known_is_printed_and_the_command_that_makes_one(xtp, inside):
    (inside / "neutral.py").write_text(FITTED)
    found = xtp("check", "neutral.py", "--quiet")
    assert found.code == 2
    lines = (
        "target.resid_post[j] - fit.offset[target][j]",
        "plan, at layer pair 5→2",
        "note: i has",
    )
    assert [line for line in lines if line not in found.out] == []
    assert "checks" not in found.out
    make = "xtp fit ./neutral.py --task babel --split pilot -o fits/neutral"
    assert found.err.count("\n") == 1
    assert f"make one with {make}, then give it, -S fit=fits/neutral" in found.err
    traced = xtp("trace", "-s", "neutral.py", "-m", "some/model", "--task", "capitals")
    assert (traced.code, traced.out) == (2, "")
    assert "./neutral.py --task capitals --split pilot -m some/model -o fits" in traced.err
    benched = xtp("bench", "-s", "neutral.py", "--task", "babel", "--limit", "1")
    assert "./neutral.py --task babel --split unseen -o fits" in benched.err
    both = xtp("trace", "-s", "attn-swap + ./neutral.py")
    assert 'then give it, "... + ./neutral.py(fit=fits/neutral)"' in both.err
    (inside / "neutral.py").write_text(FITTED + FITTED.replace("neutral", "other"))
    several = xtp("trace", "-s", "neutral.py:other")
    assert "xtp fit ./neutral.py:other --task babel" in several.err


def test_a_fit_is_used_as_its_last_line_says(xtp, inside):
    (inside / "neutral.py").write_text(FITTED)
    made = xtp("fit", "./neutral.py", "--task", "babel", "-l", "sw", "--limit", "2", "-o", "made")
    assert made.code == 0
    use = made.out.splitlines()[-1].rpartition("use it: ")[2].split()
    assert use == ["-s", "./neutral.py", "-S", f"fit={inside / 'made'}"]
    few = ("--target-layers", "0,1", "--json")
    for source, words in (("all", "xtp: i has no effect"), ("0", "")):
        traced = xtp("trace", *use, *few, "--source-layers", source)
        assert traced.code == 0
        assert traced.err.startswith(words)
        assert traced.err.count("\n") == bool(words)
        assert "neutral was fitted on this example" in json.loads(traced.out)["note"]
    fresh = xtp("trace", *use, *few, "--source-layers", "0", "--split", "unseen")
    assert (fresh.code, fresh.err) == (0, "")
