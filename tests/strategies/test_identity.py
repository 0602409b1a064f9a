"""A strategy's identity: its file and every local file behind it, and nothing else."""

import sys

import pytest

from xtransplant import find_strategy
from xtransplant.strategies.identity import source_digest
from xtransplant.strategies.registry import strategy_names

FILES = {
    "mine.py": (
        "import torch, json\nfrom xtransplant import strategy\nfrom helper_a import half\n\n\n"
        '@strategy("mine")\ndef mine(source, target, i, j):\n'
        "    import late_b\n    target.ffn[j] = half(source.ffn[i])\n"
    ),
    "helper_a.py": "from pack_c.inner import factor\n\n\ndef half(x):\n    return factor * x\n",
    "late_b.py": "",
    "pack_c/__init__.py": "from . import side\n",
    "pack_c/inner.py": "from .deep.leaf import factor\n",
    "pack_c/side.py": "",
    "pack_c/deep/__init__.py": "",
    "pack_c/deep/leaf.py": "factor = 0.5\n",
    "unused.py": "",
}
BUILT_IN = {
    "attn-swap": "b2536b48bd7f",
    "attn-swap-official": "11c27e0bd559",
    "blend": "c1c36d97cd80",
    "ffn-swap": "38de4a591415",
    "head-swap": "74e1d791e8e2",
    "none": "372d195e1ae8",
    "resid-swap": "6a245aa8264b",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [n for n in sys.modules if n.partition(".")[0] in ("helper_a", "late_b", "pack_c")]:
        del sys.modules[name]


def digest(folder):
    return find_strategy(str(folder / "mine.py")).source_hash


@pytest.mark.parametrize("name", FILES)
def test_every_file_behind_it_counts_and_no_other(folder, name):
    before = digest(folder)
    assert digest(folder) == before
    (folder / name).write_text(FILES[name] + "# another\n")
    assert (digest(folder) != before) == (name != "unused.py")


def test_it_does_not_depend_on_where_it_lies_or_what_is_loaded(folder, tmp_path_factory):
    before = digest(folder)
    moved = tmp_path_factory.mktemp("moved") / "mine.py"
    moved.write_text(FILES["mine.py"])
    # Loaded by now, and not loaded: found alike.
    assert source_digest(moved, "elsewhere") == before
    for name in ("helper_a", "pack_c.inner", "pack_c.deep.leaf", "pack_c.deep", "pack_c"):
        sys.modules.pop(name, None)
    assert source_digest(moved, "elsewhere") == before
    assert "late_b" not in sys.modules, "looking executed it"


def test_a_file_alone_is_its_own_bytes(tmp_path):
    import hashlib

    for name in strategy_names():
        strategy = find_strategy(name)
        with open(strategy.origin, "rb") as file:
            assert strategy.source_hash == hashlib.sha256(file.read()).hexdigest()


def test_circles_and_broken_files_end(folder):
    (folder / "late_b.py").write_text("import mine, helper_a, late_b\n")
    (folder / "pack_c" / "side.py").write_text("")
    before = digest(folder)
    (folder / "late_b.py").write_text("def (:\n")
    assert digest(folder) != before


def test_the_built_in_strategies_keep_the_hash_that_runs_were_written_with():
    # One that is changed on purpose is another strategy: its runs of before are not continued.
    hashes = {name: find_strategy(name).source_hash[:12] for name in BUILT_IN}
    assert hashes == BUILT_IN
