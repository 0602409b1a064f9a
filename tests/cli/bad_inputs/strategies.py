"""Bad strategy files: at import, in their signature, while they are recorded, while they run."""

from __future__ import annotations

from bad_inputs.row import Row, row

DECORATED = "from xtransplant import apply, strategy\n\n@strategy('own')\n"
HEAD = f"{DECORATED}def own(source, target, i, j):\n"
RAW = "from xtransplant import strategy\n\n@strategy('own', raw=True)\ndef own(model, i, j):\n"
GRID = "trace -s own.py -m LLAMA --source hi --target ho"


def imported(id: str, text: str | bytes, *words: str) -> Row:
    return row(id, "show own.py", "own.py", *words, files={"own.py": text})


def recorded(id: str, body: str, *words: str, line: int = 5, command: str = "show own.py") -> Row:
    """Its function's only line, or its lines, from line 5 on."""
    text = HEAD + "".join(f"    {one}\n" for one in body.split("\n"))
    return row(id, command, f"own.py line {line}", *words, files={"own.py": text})


def signed(id: str, signature: str, *words: str) -> Row:
    return imported(id, f"{DECORATED}def own({signature}):\n    pass\n", "line 3", *words)


def applied(id: str, body: str, *words: str, line: int = 5) -> Row:
    """A function of ``apply``; its body begins in line 5, the function in line 4."""
    text = (
        "import torch\nfrom xtransplant import apply, strategy\n\n"
        f"def f(x):\n    {body}\n\n"
        "@strategy('own')\ndef own(source, target, i, j):\n"
        "    target.attn[j] = apply(f, source.attn[i])\n"
    )
    return row(f"apply {id}", GRID, f"own.py line {line}", *words, files={"own.py": text})


def raw(id: str, body: str, *words: str) -> Row:
    return row(f"raw {id}", GRID, "own.py", *words, files={"own.py": f"{RAW}    {body}\n"})


FILES = [
    row("words that are not aligned", "trace -s aligned-swap", "has no alignment", "--alignment"),
    row("an alignment past the prompt", "trace -s aligned-swap --alignment 0-99",
        "--alignment: word 99 of the target", "counted from 0"),
    row("an alignment that is none", "trace -s aligned-swap --alignment 0:1", "'0:1' is no pair"),
    row("no file", "show no/such.py", "no strategy file 'no/such.py'", "the path of a .py file"),
    imported("no Python", "def f(:\n", "line 1 is no Python", "invalid syntax"),
    imported("tabs and spaces", "if 1:\n\tx\n        y\n", "line 3 is no Python", "tabs"),
    imported("NUL in the source", "x = 1\0\n", "no Python", "save it as UTF-8"),
    imported("UTF-16 source", "x = 1\n".encode("utf-16"), "no Python", "save it as UTF-8"),
    imported("an encoding that is none", "# coding: nonsense\n", "unknown encoding: nonsense"),
    imported("nothing", "", "defines no strategy", '@strategy("name")'),
    imported("no decorator", "def own(source, target, i, j): pass\n", "defines no strategy"),
    imported("a module that is missing", "\nimport nope\n", "line 2 fails to import", "'nope'"),
    row("a module that lies beside it", "show own.py", "line 1 fails", "'helper'",
        "PYTHONPATH=", files={"own.py": "import helper\n", "helper.py": ""}),
    imported("an error", "def f():\n    1 / 0\n\nf()\n", "line 2 fails", "ZeroDivisionError"),
    imported("an error without words", "raise ValueError\n", "line 1 fails", "ValueError"),
    imported("an end of the program", "import sys\nsys.exit(7)\n", "line 2", "sys.exit(7)",
             "raise an error"),
    imported("a silent end", "raise SystemExit\n", "line 1", "sys.exit(None)"),
    imported("an odd exception", "class X(BaseException): pass\nraise X('y')\n", "line 2", "X: y"),
    row("two strategies", "show own.py", "defines own, two", "own.py:own", files={
        "own.py": f"{HEAD}    pass\n@strategy('two')\ndef two(source, target, i, j): pass\n"}),
    row("another name than its own", "show own.py:two", "defines own", "own.py:own",
        files={"own.py": f"{HEAD}    pass\n"}),
]  # fmt: skip

SIGNATURES = [
    signed("two arguments", "source, target", "takes (source, target)", "(source, target, i, j)"),
    signed("no argument", "", "takes ()", "(source, target, i, j)"),
    signed("an option without a type", "source, target, i, j, a=1", "'a'", "a: float = 0.5"),
    signed("an option without a default", "source, target, i, j, *, a: float", "option 'a'",
           "a: float = 0.5"),
    signed("another order", "target, source, i, j", "takes (target, source, i, j)",
           "called with (source, target, i, j)"),
    signed("an option that is a list", "source, target, i, j, a: list = None", "list",
           "should be float, int"),
    signed("an option of two types", "source, target, i, j, a: float | None = None", "float | None",
           "should be float, int"),
    imported("async", f"{DECORATED}async def own(source, target, i, j): pass\n", "line 3", "async"),
    imported("a yield", f"{HEAD}    yield\n", "line 3", "has a yield", "raw=True"),
    imported("a class", f"{DECORATED}class Own: pass\n", "line 3", "should be a function"),
    imported("a name that is none", "from xtransplant import strategy\nstrategy('a\\nb')\n",
             "line 2", "'a\\nb'", "one line"),
    imported("a decorator without a name", f"{DECORATED.replace('(', ' # ')}def own(): pass\n",
             "line 3", "needs a name"),
]  # fmt: skip

RECORDED = [
    row("no edit", "show own.py", "own.py", "records no edit", "target.attn[j] = source.attn[i]",
        files={"own.py": f"{HEAD}    pass\n"}),
    recorded("an error while recording", "1 / 0", "ZeroDivisionError"),
    recorded("an end while recording", "import sys\nsys.exit(7)", "sys.exit(7)", line=6),
    recorded("an end in the grid", "raise SystemExit(3)", "sys.exit(3)", command=GRID),
    recorded("recursion", "own.function(source, target, i, j)", "RecursionError"),
    recorded("a write to the source", "source.attn[j] = 0", "source is only read"),
    recorded("a site that is none", "target.knee[j] = 0", "target.knee", "attn, ffn"),
    recorded("a site without a layer", "target.attn = source.attn[i]", "target.attn[j] ="),
    recorded("another site without a layer", "target.ffn = 0", "target.ffn[j] ="),
    recorded("a choice by a value", "if source.ffn[i]:\n    target.ffn[j] = 0",
             "source.ffn[i] is asked for yes or no", "a raw strategy"),
    recorded("a choice by a site", "if source.ffn:\n    target.ffn[j] = 0", "write source.ffn[i]"),
    recorded("a comparison", "if source.ffn[i] > 0:\n    target.ffn[j] = 0", "'>'",
             "apply(function, value)"),
    recorded("a comparison of two values", "if source.ffn[i] == target.ffn[j]:\n"
             "    target.ffn[j] = 0", "source.ffn[i] is compared", "apply(function, value)"),
    recorded("a difference of two values", "if 2 * source.ffn[i] != source.ffn[i]:\n"
             "    target.ffn[j] = 0", "2 * source.ffn[i] is compared", "a raw strategy"),
    recorded("a value among others", "if source.ffn[i] in [target.ffn[j]]:\n"
             "    target.ffn[j] = 0", "target.ffn[j] is compared"),
    recorded("a comparison with a number", "a = 3.0 == source.ffn[i]\ntarget.ffn[j] = 0",
             "source.ffn[i] is compared"),
    recorded("a comparison of a site", "if source.ffn == target.ffn:\n    target.ffn[j] = 0",
             "write source.ffn[i]"),
    recorded("a value as a key", "a = {source.ffn[i]: 1}\ntarget.ffn[j] = 0",
             "unhashable type: 'Value'", "apply(function, value)"),
    recorded("a function of torch", "import torch\ntarget.ffn[j] = torch.relu(source.ffn[i])",
             "must be Tensor", "apply(function, value)", line=6),
    recorded("a function of numpy", "import numpy\ntarget.ffn[j] = numpy.tanh(source.ffn[i])",
             "tanh", "apply(function, value)", line=6),
    recorded("a tensor's method", "target.ffn[j] = source.ffn[i].norm()", "'norm'",
             "apply(function, value)"),
    recorded("one number of a value", "target.ffn[j] = source.ffn[i][0]", "not subscriptable",
             "apply(function, value)"),
    recorded("a layer beyond", "target.attn[j + 99] = 0", "layer 122", "0 to 47"),
    recorded("half a layer", "target.attn[j / 2] = 0", "11.5", "whole number"),
    recorded("a layer that is yes", "target.attn[True] = 0", "True", "whole number"),
    recorded("a layer in words", "target.attn['last'] = 0", "'last'", "whole number"),
    recorded("all layers", "target.attn[:] = 0", "slice", "whole number"),
    recorded("three places", "target.attn[j, 0, 1] = 0", "3 values", "[j, -3:]"),
    recorded("a step of tokens", "target.attn[j, ::2] = 0", "no step"),
    recorded("tokens in fractions", "target.attn[j, 0.5:2] = 0", "0.5", "whole numbers"),
    recorded("a token in words", "target.attn[j, 'last'] = 0", "'last'", "whole numbers"),
    recorded("no head", "target.head[j] = 0", "target.head(3)[j]"),
    recorded("a head beyond", "target.head(99)[j] = 0", "head 99", "0 to 63"),
    recorded("half a head", "target.head(1.5)[j] = 0", "1.5", "whole number"),
    recorded("a head into a whole site", "target.attn[j] = source.head(1)[i]", "head_dim"),
    recorded("a value computed later", "target.attn[0] = target.attn[3]", "computed later"),
    recorded("text as a value", "target.attn[j] = 'x'", "not str", "numbers"),
    recorded("yes as a value", "target.attn[j] = True", "not bool", "numbers"),
    recorded("a complex value", "target.attn[j] = 1j * source.attn[i]", "not complex"),
    recorded("an array as a value", "import numpy\ntarget.attn[j] = numpy.ones(3)", "not ndarray",
             "xtransplant.apply", line=6),
    recorded("a tensor as a value", "import torch\ntarget.attn[j] = torch.ones(3)",
             "not Tensor", line=6),
    recorded("NaN as a value", "target.attn[j] = float('nan')", "finite numbers", "nan"),
    recorded("an infinite factor", "target.attn[j] = 1e999 * source.attn[i]", "finite numbers"),
    recorded("a number beyond floats", "target.attn[j] = 10**400 + source.attn[i]", "finite"),
    recorded("a division by zero", "target.attn[j] = source.attn[i] / 0", "divided by 0"),
    recorded("a mask of another width", "target.neurons([True, False, True])[j] = 0", "line 5",
             "is 96 wide and its mask 3", command=GRID),
    recorded("a number beyond the site", "target.neurons(96)[j] = 0", "0 to 95, not 96",
             command=GRID),
    recorded("a time that is none", "target.during('never').attn[j] = 0", "'never'",
             "prefill, decode, all or first(3)"),
    recorded("a way that is none", "target.during(through='soul').attn[j] = 0", "'soul'",
             "both, logits or cache"),
    recorded("decode through the logits", "target.during('decode', through='logits').attn[j] = 0",
             'during("decode") acts through both', 'during("prefill")'),
    recorded("decode at an early token", "target.during('decode').attn[j, 0] = 0",
             "not what a decode step computes", "[layer, :]"),
    recorded("edits through two ways", "target.during(through='logits').attn[j] = 0\n"
             "target.ffn[j] = 0", 'act through "logits" and "both"', "the same", line=6),
    recorded("a site without a layer, computed with", "target.attn[j] = 2 * source.attn",
             "write source.attn[i]"),
    recorded("a site without a layer, added", "target.attn[j] = source.attn[i] + target.ffn",
             "write target.ffn[j]"),
    recorded("apply without a function", "target.attn[j] = apply(3, source.attn[i])",
             "apply takes a function", "torch.relu"),
    row("a span beyond the prompt", GRID, "reaches token 999", "has",
        files={"own.py": f"{HEAD}    target.attn[j, 999] = 0\n"}),
    row("all tokens of prompts of two lengths", GRID.replace("hi", "'hi there'"),
        "target.attn[j, :] has", "source.attn[i, :] has", "equally many", "or one token",
        files={"own.py": f"{HEAD}    target.attn[j, :] = source.attn[i, :]\n"}),
    row("last tokens that a prompt has not", GRID, "-50", "has",
        files={"own.py": f"{HEAD}    target.attn[j, -50:] = source.attn[i, -50:]\n"}),
    row("spans of two lengths", GRID, "has 2 tokens", "equally many",
        files={"own.py": f"{HEAD}    target.attn[j, 0:2] = source.attn[i, 0:3]\n"}),
]  # fmt: skip

RUNNING = [
    applied("that raises", "raise ValueError('odd\\nwords')", "apply(f)", "ValueError: odd words"),
    applied("that ends the program", "raise SystemExit(5)", "sys.exit(5)"),
    applied("of an unknown name", "return nope", "NameError"),
    applied("that calls itself", "return f(x)", "RecursionError"),
    applied("of nothing", "return None", "returns NoneType", "tensor of shape [1, 48]", line=4),
    applied("of a number", "return 3.0", "returns float", line=4),
    applied("of a tuple", "return (x,)", "returns tuple", line=4),
    applied("of an array", "return x.numpy()", "returns ndarray", line=4),
    applied("too narrow", "return x[:, :3]", "shape [1, 3]", "shape [1, 48]", line=4),
    applied("too many rows", "return x.repeat(7, 1)", "shape [7, 48]", "one row", line=4),
    applied("a mean of rows", "return x.mean(0)", "shape [48]", "one row", line=4),
    applied("turned", "return x.T", "shape [48, 1]", "one row", line=4),
    applied("of yes and no", "return x > 0", "returns bool", "floating-point", line=4),
    applied("complex", "return x.to(torch.complex64)", "complex64", "floating-point", line=4),
    applied("elsewhere", "return x.to('meta')", "on another device", "on cpu", line=4),
    raw("without a yield", "pass", "line 3", "has no yield"),
    raw("with two yields", "yield; yield", "more or fewer than one yield"),
    raw("that raises", "1 / 0; yield", "own.py line 5", "ZeroDivisionError"),
    raw("of another model's modules", "model.transformer.h[i].mlp.output; yield", "'transformer'",
        "xtransplant.load(MODEL).nn"),
    raw("out of order", "a = model.model.layers[1].mlp.output.clone(); "
        "b = model.model.layers[0].mlp.output.clone(); yield", "OutOfOrder",
        "in the order in which the model computes"),
    raw("that ends the program", "raise SystemExit(3); yield", "own.py line 5", "sys.exit(3)"),
    row("raw, to be verified", f"{GRID} --verify", "leave --verify off",
        files={"own.py": f"{RAW}    yield\n"}),
]  # fmt: skip

ROWS = [*FILES, *SIGNATURES, *RECORDED, *RUNNING]
