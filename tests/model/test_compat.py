"""What is relied on of nnsight and transformers beside what their documentation promises.

Each check says which name changed and in which file it is used, so that a new release of either is
read here first.
"""

import ast
import inspect
import sys
from pathlib import Path

import nnsight
import pytest
import torch
import transformers

import xtransplant
import xtransplant.benchmarks
import xtransplant.cli
import xtransplant.interventions
from xtransplant.compat import nnsight as compat_nnsight
from xtransplant.compat import transformers as compat_transformers

FILES = sorted(
    path
    for package in (
        xtransplant, xtransplant.benchmarks, xtransplant.cli, xtransplant.interventions,
    )
    for path in Path(package.__file__).parent.rglob("*.py")
)  # fmt: skip
# What they have at their top level, and where the versions they are pinned to say so.
PUBLIC = {
    "nnsight": {"TransformersModel", "save"},
    "transformers": {
        "AttentionInterface", "AutoConfig", "AutoModelForCausalLM", "AutoModelForImageTextToText",
        "AutoTokenizer", "BitsAndBytesConfig",
        "DistributedConfig", "DynamicCache", "Gemma3TextConfig", "GenerationConfig", "LlamaConfig",
        "LlamaForCausalLM", "PreTrainedTokenizerFast", "PretrainedConfig", "logging",
    },
}  # fmt: skip


def changed(library, name, where):
    return (
        f"{library.__name__} {library.__version__} changed {name}, which {where} relies on: mend "
        "it there, or require an earlier release in pyproject.toml"
    )


def parameters(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        (compat_nnsight.RemoteBackend, "_serialize", ["self", "tracer"]),
        (compat_nnsight.RemoteBackend, "_push", ["self", "result", "tracer"]),
        (
            compat_nnsight.RemoteBackend, "__init__",
            ["self", "model_key", "host", "api_key", "env", "blocking", "job_id", "verbose"],
        ),
        (compat_nnsight.RequestModel, "metadata", ["self"]),
        (compat_nnsight, "register", ["module"]),
    ],
)  # fmt: skip
def test_functions_of_nnsight_take_what_they_took(owner, name, expected):
    words = changed(nnsight, name, "compat/nnsight.py")
    assert hasattr(owner, name), words
    assert parameters(getattr(owner, name)) == expected, words


def test_a_client_of_nnsight_knows_where_and_how_it_asks():
    client = compat_nnsight.RemoteBackend("key", host="https://example.org", api_key="secret")
    for name, value in {
        "host": "https://example.org", "ws_host": "wss://example.org", "api_key": "secret",
        "model_key": "key", "env": {},
    }.items():  # fmt: skip
        assert getattr(client, name) == value, changed(nnsight, name, "backends/ndif/client.py")
    assert client.compress in (True, False), changed(nnsight, "compress", "backends/ndif/client.py")
    assert client.display.enabled in (True, False), changed(
        nnsight, "display", "backends/ndif/job.py"
    )


def test_fields_of_nnsights_protocol_are_those_that_are_read_and_written():
    words = changed(nnsight, "schema", "backends/ndif/client.py")
    request = compat_nnsight.RequestModel
    assert set(request.model_fields) == {"model_key", "session_id", "compress", "env"}, words
    response = compat_nnsight.ResponseModel
    assert set(response.model_fields) == {"id", "status", "description", "data", "meta"}, words
    states = {one.value for one in compat_nnsight.Status}
    assert {"COMPLETED", "ERROR", "LOG", "RUNNING", "RECEIVED"} <= states, words


def test_what_nnsight_unpickles_freely_is_what_is_read_here():
    # A status that carries a result, as a server of this release writes it.
    from xtransplant.backends.ndif.answers import read_status

    kind, status = compat_nnsight.ResponseModel, compat_nnsight.Status.COMPLETED
    sent = kind(id="a", status=status, data=b"\x00\xff", meta={"seconds": 1.5}).pickle()
    assert read_status(sent) == kind(id="a", status=status, data=b"\x00\xff", meta={"seconds": 1.5})


def test_nnsight_is_configured_by_its_own_names(monkeypatch):
    words = changed(nnsight, "CONFIG.API", "compat/nnsight.py")
    assert {"HOST", "APIKEY", "COMPRESS"} <= set(type(compat_nnsight.CONFIG.API).model_fields), (
        words
    )
    monkeypatch.setattr(compat_nnsight.CONFIG.API, "APIKEY", "")
    assert compat_nnsight.api_key() is None


def test_nnsight_wraps_the_model_that_it_is_given(llama):
    assert isinstance(compat_nnsight.module_of(llama.nn), torch.nn.Module), changed(
        nnsight, "_module", "compat/nnsight.py"
    )
    assert llama.module is compat_nnsight.module_of(llama.nn)


def test_a_folder_is_no_repository_to_nnsight(llama, monkeypatch):
    words = changed(nnsight, "_ID_CACHE", "compat/nnsight.py")
    cache = compat_nnsight.huggingface._ID_CACHE
    assert isinstance(cache, dict), words
    monkeypatch.setattr(compat_nnsight.huggingface, "_ID_CACHE", {})
    compat_nnsight.keep_folder_name(llama.name)
    # Offline: asking the hub would fail.
    assert llama.name in llama.nn.to_model_key(), words


def test_transformers_says_which_types_are_causal_language_models():
    words = changed(transformers, "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "compat/transformers.py")
    assert compat_transformers.is_causal_lm("llama"), words
    assert not compat_transformers.is_causal_lm("vit"), words


def test_transformers_says_which_attention_a_model_uses(llama):
    words = changed(transformers, "_attn_implementation", "compat/transformers.py")
    before = compat_transformers.attention_of(llama.module)
    assert before in ("sdpa", "eager"), words
    other = "eager" if before == "sdpa" else "sdpa"
    llama.module.set_attn_implementation(other)
    try:
        assert compat_transformers.attention_of(llama.module) == other, words
    finally:
        llama.module.set_attn_implementation(before)


def test_transformers_says_where_a_configuration_is_from(tmp_path):
    words = changed(transformers, "_name_or_path", "compat/transformers.py")
    transformers.LlamaConfig().save_pretrained(tmp_path)
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    assert config.to_dict()[compat_transformers.name_in_config] == str(tmp_path), words


def test_what_is_imported_from_the_top_is_there():
    for library in (nnsight, transformers):
        for name in PUBLIC[library.__name__]:
            assert hasattr(library, name), changed(library, name, "pyproject.toml")


def strangers(tree, own):
    """Imports of inner modules, and private names that nothing here defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            top, _, inner = node.module.partition(".")
            names = {one.name for one in node.names}
            if top in PUBLIC and (inner or names - PUBLIC[top]):
                yield node.lineno, f"from {node.module} import {', '.join(names)}"
        elif isinstance(node, ast.Import):
            for one in node.names:
                if one.name.partition(".")[0] in PUBLIC and "." in one.name:
                    yield node.lineno, f"import {one.name}"
        elif isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in own:
            # Python's own, such as os._exit.
            if not (isinstance(node.value, ast.Name) and node.value.id in sys.stdlib_module_names):
                yield node.lineno, f".{node.attr}"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "setattr", "hasattr")
            and isinstance(name := node.args[1], ast.Constant)
            and private(name.value)
        ):
            yield node.lineno, f"{node.func.id} {name.value}"


# Methods of a NamedTuple, which are public.
OF_NAMED_TUPLES = ("_make", "_replace", "_asdict", "_fields")


def private(name):
    return name.startswith("_") and not name.startswith("__") and name not in OF_NAMED_TUPLES


def defined(tree):
    """Private names that a file gives to its own classes and modules."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            yield node.attr


def test_no_other_file_reaches_into_nnsight_or_transformers():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    found = [
        f"{path}:{line}: {what}"
        for path, tree in trees.items()
        if path.parent.name != "compat"
        for line, what in strangers(tree, set(defined(tree)))
    ]
    assert len(trees) > 100
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x = model.nn._module", "._module"),
        ("x = getattr(config, '_commit_hash', None)", "getattr _commit_hash"),
        ("from nnsight.schema.config import CONFIG", "from nnsight.schema.config import CONFIG"),
        ("from transformers import PreTrainedModel", "from transformers import PreTrainedModel"),
        ("import transformers.utils", "import transformers.utils"),
        ("import os\nos._exit(1)", None),
        ("import transformers\nclass A:\n    def _f(self):\n        return self._f", None),
    ],
)
def test_the_search_finds_what_it_looks_for(line, said):
    tree = ast.parse(line)
    assert [what for _, what in strangers(tree, set(defined(tree)))] == ([said] if said else [])


def test_nnsight_keeps_sources_where_they_are_forgotten():
    from nnsight.tracing import globals as kept

    from xtransplant.compat.nnsight_sources import forget_source

    words = changed(nnsight, "SOURCES and BLOCKS", "compat/nnsight_sources.py")
    there, other = (("/a/mine.py", 3, "f", 1), ("/a/other.py", 3, "f", 1))
    kept.SOURCES.update({"/a/mine.py": "", "/a/other.py": ""})
    kept.BLOCKS.update({there: (None, None), other: (None, None)})
    forget_source("/a/mine.py")
    assert "/a/mine.py" not in kept.SOURCES, words
    assert there not in kept.BLOCKS, words
    assert other in kept.BLOCKS
    assert "/a/other.py" in kept.SOURCES
    forget_source("/a/other.py")
