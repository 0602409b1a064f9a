"""Which commit of a repository a run was made with."""

import pytest
from transformers import LlamaConfig

from xtransplant.bench.model_identity import _commit
from xtransplant.model.checkpoint import Checkpoint


def test_the_commit_of_a_repository_is_that_of_its_files(tmp_path, monkeypatch):
    # Configurations of transformers 5 no longer hold it: every manifest said null.
    commits = ["0123456789" * 4, "abcdef0123" * 4]
    folder = tmp_path / "models--org--tiny"
    (folder / "refs").mkdir(parents=True)
    for name, commit in zip(("main", "other"), commits, strict=True):
        (folder / "refs" / name).write_text(commit)
        LlamaConfig().save_pretrained(folder / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert _commit(Checkpoint("org/tiny"), None) == commits[0]
    assert (
        _commit(Checkpoint("org/tiny"), "other")
        == _commit(Checkpoint("org/tiny"), commits[1])
        == commits[1]
    )


@pytest.mark.parametrize("name", ["org/none", "a/b/c", "no such: name"])
def test_what_is_in_no_cache_has_no_commit(name, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert _commit(Checkpoint(name), None) is None
    assert _commit(Checkpoint(str(tmp_path)), None) is None
