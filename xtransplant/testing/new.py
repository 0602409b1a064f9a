"""``xtp new``: a strategy that works at once, and its test, to be changed into one's own."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template

from xtransplant.errors import XTransplantError, cannot_write
from xtransplant.strategies import strategy_names

__all__ = ["write_strategy"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", re.ASCII)

_RECORDED = '''\
"""One line: what it does. This one adds a share of the source's feed-forward output.

    ffn_j(target)[last] := ffn_j(target)[last] + weight * ffn_i(source)[last]

Say where the idea comes from (authors, arXiv number), and what each option means.

Run it: xtp trace --strategy ./$stem.py -S weight=0.5
"""

from xtransplant import strategy


@strategy("$name")
def $function(source, target, i, j, weight: float = 0.5):
    target.ffn[j] = target.ffn[j] + weight * source.ffn[i]
'''

_RAW = '''\
"""One line: what it does. This one writes where the target is most like the source.

    p := the token of the target whose output of MLP j is most like MLP i's (source)[last]
    mlp_j(target)[p] := (1 - weight) * mlp_j(target)[p] + weight * mlp_i(source)[last]

Say where the idea comes from (authors, arXiv number), and what each option means. The modules'
names are Llama's; print(xtransplant.load(MODEL).nn) shows those of another model.

Run it: xtp trace --strategy ./$stem.py -S weight=0.5
"""

import torch

from xtransplant import strategy


@strategy("$name", raw=True)
def $function(model, i, j, *, weight: float = 0.5):
    value = model.model.layers[i].mlp.output[0, -1].clone()  # [d_model]
    yield
    rows = model.model.layers[j].mlp.output[0]  # [n_tokens, d_model]
    place = torch.cosine_similarity(rows, value[None], dim=-1).argmax()
    rows[place] = (1 - weight) * rows[place] + weight * value
'''

_TEST = '''\
"""$name: its invariants on the bundled model, and $what."""

from pathlib import Path

from xtransplant import find_strategy
from xtransplant.testing import $helpers

STRATEGY = find_strategy(str(Path(__file__).with_name("$stem.py")))


def test_its_invariants(xtp_model):
    assert_valid(STRATEGY, xtp_model)


'''

_TEST_RECORDED = """\
def test_its_formula():
    assert formula(STRATEGY) == ("target.ffn[j] = target.ffn[j] + 0.5 * source.ffn[i]",)
"""

_TEST_RAW = """\
def test_a_weight_of_0_changes_nothing(xtp_model):
    found = check_strategy(STRATEGY.with_options({"weight": 0.0}), xtp_model)
    assert [one.name for one in found if one.status == "failed"] == ["changes something"]
"""


def write_strategy(name: str, folder: Path, *, raw: bool = False) -> tuple[Path, Path]:
    """Write ``NAME.py`` and ``test_NAME.py``, with underscores for hyphens.

    Args:
        name: what ``--strategy`` and the files are to be called.
        folder: where they are written.
        raw: a script that runs inside the traces, instead of one that is recorded.

    Returns:
        The paths of both.

    Raises:
        XTransplantError: a name that is none, or is taken; a file that is there, which is never
            written over; or a folder that cannot be written to.
    """
    stem = _module_of(name)
    paths = folder / f"{stem}.py", folder / f"test_{stem}.py"
    for path in paths:
        if path.exists():
            raise XTransplantError(
                f"{str(path)!r} is there already and is not written over; choose another name, or "
                "remove it"
            )
    _check_free(name, stem)
    helpers = "assert_valid, check_strategy" if raw else "assert_valid, formula"
    words = {
        "name": name, "stem": stem, "function": stem, "helpers": helpers,
        "what": "what its weight does" if raw else "its formula",
    }  # fmt: skip
    texts = (_RAW, _TEST + _TEST_RAW) if raw else (_RECORDED, _TEST + _TEST_RECORDED)
    for path, text in zip(paths, texts, strict=True):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(Template(text).substitute(words))
        except OSError as error:
            raise cannot_write(path, error) from error
    return paths


def _module_of(name: str) -> str:
    """The name of a strategy's module.

    Raises:
        XTransplantError: it is no name.
    """
    stem = name.replace("-", "_").lower()
    if not _NAME.fullmatch(name) or keyword.iskeyword(stem):
        raise XTransplantError(
            f"{name!r:.60} should be letters, digits and hyphens, as in: xtp new my-strategy"
        )
    return stem


def _check_free(name: str, stem: str) -> None:
    """Refuse a name that something else has.

    Raises:
        XTransplantError: a known strategy, or a module that can be imported.
    """
    if name in strategy_names():
        raise XTransplantError(
            f"{name} is a strategy already (xtp show {name}); choose another name"
        )
    # A file beside a script is imported before a package of its name.
    if stem in sys.stdlib_module_names or importlib.util.find_spec(stem) is not None:
        raise XTransplantError(
            f"{stem}.py would hide the module {stem} from Python where it lies; choose another name"
        )
