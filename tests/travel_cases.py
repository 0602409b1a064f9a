"""Strategy files whose functions would, or would not, survive the trip to another machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xtransplant import find_strategy
from xtransplant.strategies import Edit, Shape, Variant

SHAPE = Shape(2, 2, ("attn", "ffn", "resid_pre", "resid_mid", "resid_post", "head"))
WRAPS = (
    "import functools\n\ndef louder(g):\n    @functools.wraps(g)\n    def inner(x):\n"
    "        return 2 * g(x)\n    return inner\n\n@louder\ndef h(x):\n    return x\n"
)
# What a file holds, the function it applies, and what is said of it: line, words, whether it would
# change results without an error.
BAD = {
    "missing package": (
        "import scipy.special\n\ndef f(x):\n    return x * scipy.special.erf(1)\n", "f", 4,
        "scipy may not be installed", False,
    ),
    "import inside": (
        "def f(x):\n    import pandas\n    return x\n", "f", 3, "pandas may not be", False,
    ),
    "this package": (
        "from xtransplant.options import parse_bytes\n\ndef f(x):\n"
        "    return x * parse_bytes('1')\n", "f", 4, "xtransplant may not be", False,
    ),
    "decorated helper": (WRAPS + "\ndef f(x):\n    return h(x)\n", "f", 10, "decorates h", True),
    "decorated": (WRAPS, "h", 10, "decorates h", True),
    "weight": (
        "import torch\nM = torch.nn.Linear(2, 2)\n\ndef f(x):\n    return x @ M.weight\n", "f", 6,
        "reads .weight", False,
    ),
    "large global": (
        "import torch\nT = torch.arange(3e5).sin().view(1000, 300)\n\n"
        "def f(x):\n    return x + T[0, 0]\n", "f", 5,
        "global T, 1.2 MB", False,
    ),
    "view of a large tensor": (
        "import torch\n\ndef make(t):\n    def f(x):\n        return x + t\n    return f\n",
        "make(torch.zeros(1000, 300)[0, 0])", 5, "closure t, 1.2 MB", False,
    ),
    "bare super": (
        "class B:\n    def go(self, x):\n        return x\n\nclass F(B):\n"
        "    def __call__(self, x):\n        return super().go(x)\n", "F()", 8, "super()", False,
    ),
}  # fmt: skip
GOOD = {
    "a lambda": ("", "lambda x: 2 * x"),
    "torch's own": ("import torch\n", "torch.tanh"),
    "math": ("import math\n\ndef f(x):\n    return x * math.e\n", "f"),
    "a partial": ("import functools\n\ndef f(x, a):\n    return a * x\n",
                  "functools.partial(f, a=2)"),
    "an object": ("class F:\n    def __call__(self, x):\n        return x\n", "F()"),
    "a closure": ("def make(a):\n    def f(x):\n        return a * x\n    return f\n", "make(2)"),
    "a helper": ("def h(x):\n    return -x\n\ndef f(x):\n    return h(x)\n", "f"),
    "recursion": ("def f(x, n=2):\n    return x if n == 0 else f(x / 2, n - 1)\n", "f"),
    "a small table": ("import torch\nT = torch.zeros(8)\n\ndef f(x):\n    return x + T[0]\n", "f"),
    # Without functools.wraps the wrapper itself is sent.
    "a plain decorator": (
        "def d(g):\n    def inner(x):\n        return 2 * g(x)\n    return inner\n\n"
        "@d\ndef f(x):\n    return x\n", "f",
    ),
}  # fmt: skip


def recorded(folder: Path, body: str, function: str) -> list[Sequence[Edit]]:
    """The edits of a strategy file that calls ``function``, which ``body`` defines."""
    file = folder / "mine.py"
    file.write_text(
        f"from xtransplant import apply, strategy\n{body}\nFUNCTION = {function}\n\n\n"
        '@strategy("mine")\ndef mine(source, target, i, j):\n'
        "    target.ffn[j] = apply(FUNCTION, source.ffn[i])\n"
    )
    return [find_strategy(str(file)).edits(SHAPE, i, 1) for i in range(2)]


def scripted(folder: Path, body: str) -> list[Variant]:
    """A raw strategy that calls ``h``."""
    file = folder / "mine.py"
    file.write_text(
        f"from xtransplant import strategy\n{body}\n\n"
        '@strategy("mine", raw=True)\ndef mine(model, i, j):\n'
        "    value = h(model.model.layers[i].mlp.output[0, -1])\n    yield\n"
        "    model.model.layers[j].mlp.output[0, -1] = value\n"
    )
    return [find_strategy(str(file)).variant(SHAPE, i, 1) for i in range(2)]
