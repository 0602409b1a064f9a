"""A fit as a strategy reads it: tensors of a file, by name, language and layer."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.strategies.places import Layer
from xtransplant.strategies.shape import whole_number
from xtransplant.strategies.tensors import Fixed, make_fixed
from xtransplant.strategies.unfinished import Unfinished
from xtransplant.strategies.values import Value
from xtransplant.text import nearest

__all__ = [
    "FIT_SCHEMA",
    "MANIFEST",
    "PRINTED",
    "TENSORS",
    "BoundFit",
    "Fit",
    "load_fit",
    "tensor_key",
]

TENSORS, MANIFEST = "fit.safetensors", "fit.json"
FIT_SCHEMA = 1


@dataclass(frozen=True)
class Fit:
    """What ``xtp fit`` wrote.

    Attributes:
        path: its folder.
        digest: SHA-256 of its tensors' file; two of one digest are the same fit.
        manifest: what it was fitted to, and how.
        made: what a strategy has read of it, by how it is shown and by its digest.
    """

    path: str = field(compare=False)
    digest: str
    manifest: Mapping[str, Any] = field(compare=False, repr=False)
    _read: dict[tuple[str, int], Any] = field(default_factory=dict, compare=False, repr=False)
    made: dict[tuple[str, str], Fixed] = field(default_factory=dict, compare=False, repr=False)

    @property
    def tensors(self) -> Mapping[str, tuple[str, ...]]:
        """By name, the languages that it is known for; none where it is the same for all."""
        found: Mapping[str, Any] = self.manifest["tensors"]
        return {name: tuple(langs) for name, langs in found.items()}

    def values(self, name: str, lang: str, layer: int) -> Any:
        """One layer's tensor, read once."""
        from safetensors import safe_open

        key = tensor_key(name, lang)
        if (key, layer) not in self._read:
            with safe_open(Path(self.path) / TENSORS, framework="pt") as file:
                self._read[key, layer] = file.get_slice(key)[layer]
        return self._read[key, layer]

    def about(self) -> dict[str, Any]:
        """For a run's manifest: which fit it is, and what it was fitted to."""
        names = ("strategy", "model", "tasks", "options", "site", "tokens")
        own = {name: self.manifest[name] for name in names}
        return {"digest": self.digest, "path": self.path, **own}

    def summary(self, strategy: str) -> list[str]:
        """What it is, in lines: what was fitted to how many prompts, and how it is used.

        Args:
            strategy: as a command takes it: its name, or the path of its file.
        """
        about = self.manifest
        counts = ", ".join(f"{lang} {count}" for lang, count in about["counts"].items())
        names = ", ".join(
            f"{name} ({', '.join(langs)})" if langs else name
            for name, langs in self.tensors.items()
        )
        tasks = ", ".join(f"{name} {task['split']}" for name, task in about["tasks"].items())
        return [
            f"{about['strategy']} fitted to {tasks} with {about['model']['name']}: {names}",
            f"prompts at {about['site']}: {counts}",
            f"fit {self} in {self.path}; use it: "
            f"-s {shlex.quote(strategy)} -S fit={shlex.quote(self.path)}",
        ]

    def __str__(self) -> str:
        return self.digest[:10]


PRINTED = Fit("", "", {})
"""Of a strategy that is only printed: every tensor is there, and holds nothing."""


@dataclass(frozen=True, eq=False)
class BoundFit(Unfinished):
    """A fit as one variant of a strategy reads it, ``fit[NAME][LANGUAGE][LAYER]``.

    ``[LAYER, ROW]`` is one row of a layer's tensor.

    Attributes:
        fit: whose tensors.
        langs: languages of the example's source and target, as far as they are known; None where
            the variant stands for examples of any.
        name, lang: what was chosen so far; empty if nothing.
        word: the language as the strategy's author named it.
    """

    fit: Fit
    langs: tuple[str, str] | None
    name: str = ""
    lang: str = ""
    word: str = ""

    @property
    def finished(self) -> str:
        """It with a name, a language where it is by language, and a layer."""
        name = self.name or next(iter(self.fit.manifest.get("tensors", ())), "NAME")
        by_language = self.word or (self.fit is not PRINTED and self.fit.tensors[name])
        lang = f'["{self.word or "target"}"]' if by_language else ""
        return f'fit["{name}"]{lang}[j]'

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise XTransplantError(
            f"fit.{name} is how a fit's tensor is printed; write {self.finished}"
        )

    def __getitem__(self, key: Any) -> Any:
        """A tensor by its name, of a language by its code, or of a layer (or a row of it): a value.

        The languages ``source`` and ``target`` are those of the example.

        Raises:
            MissingSite: no such layer.
            XTransplantError: nothing of that name or in that language.
        """
        if not self.name:
            return self._named(key)
        if isinstance(key, str):
            return self._in_language(key)
        layer, row = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        return self._at_layer(layer, row)

    def _named(self, name: Any) -> BoundFit:
        if self.fit is not PRINTED and name not in self.fit.tensors:
            near = nearest(str(name), self.fit.tensors)
            raise XTransplantError(
                f"the fit has no {name!r:.40}{near}; it has {', '.join(self.fit.tensors)}"
            )
        return BoundFit(self.fit, self.langs, str(name))

    def _in_language(self, word: str) -> BoundFit:
        if self.fit is PRINTED:
            return BoundFit(self.fit, self.langs, self.name, word, word)
        known = self.fit.tensors[self.name]
        if not known:
            raise XTransplantError(
                f"fit.{self.name} is the same in all languages: leave {word} out"
            )
        lang = word
        if word in ("source", "target"):
            # What stands for any example is only looked at, not run.
            lang = known[0] if self.langs is None else self.langs[word == "target"]
        if not lang:
            raise XTransplantError(
                f"fit.{self.name} is by language, and the {word}'s is not known; the fit has "
                f"{', '.join(known)}: take an example of a task, or name one (-S lang=CODE)"
            )
        if lang not in known:
            raise XTransplantError(
                f"fit.{self.name} has no language {lang!r}{nearest(lang, known)}; it has "
                f"{', '.join(known)}"
            )
        return BoundFit(self.fit, self.langs, self.name, lang, word)

    def _at_layer(self, layer: Any, row: Any) -> Value:
        label = getattr(layer, "label", str(layer)) + ("" if row is None else f", {row}")
        shown = f"fit.{self.name}" + (f"[{self.word}]" if self.word else "") + f"[{label}]"
        if self.fit is PRINTED:
            return Value(((1.0, Fixed(shown, shown, None)),))
        if self.fit.tensors[self.name] and not self.lang:
            raise XTransplantError(
                f'fit.{self.name} is by language: fit[{self.name!r}]["target"][{label}]'
            )
        n_layers = self.fit.manifest["n_layers"]
        asked = whole_number(layer, "a layer", f"fit[{self.name!r}][j]")
        # As of a site: j - 1 of the first layer is no layer, and a plain -1 is the last.
        if not (0 if isinstance(layer, Layer) else -n_layers) <= asked < n_layers:
            raise MissingSite(
                f"{shown}: there is no layer {asked}, the fit has layers 0 to {n_layers - 1}"
            )
        number = asked % n_layers
        values = self.fit.values(self.name, self.lang, number)
        digest = f"{self.fit.digest} {tensor_key(self.name, self.lang)} {number}"
        if self.langs is None:  # of any example: the source's and the target's are two
            digest = f"{digest} {self.word}"
        if row is not None:
            values, digest = self._row(values, row, shown), f"{digest} {row}"
        # One copy for all the layer pairs that read it: a map may have 4,096 x 4,096 numbers.
        made = self.fit.made
        if (shown, digest) not in made:
            made[shown, digest] = make_fixed(values, shown, digest)
        return Value(((1.0, made[shown, digest]),))

    def _row(self, values: Any, row: Any, shown: str) -> Any:
        """One row of a layer's tensor, such as a head's.

        Raises:
            XTransplantError: the layer has no rows, or not so many.
        """
        asked = whole_number(row, "a row", f"fit[{self.name!r}][j, 0]")
        if values.dim() != 2 or not 0 <= asked < len(values):
            raise XTransplantError(
                f"{shown}: there is no row {asked}, one layer's numbers have shape "
                f"{list(values.shape)}"
            )
        return values[asked]


def tensor_key(name: str, lang: str) -> str:
    """What a tensor is called in the file."""
    return f"{name}/{lang}" if lang else name


def load_fit(text: str) -> Fit:
    """The fit in a folder.

    Raises:
        XTransplantError: no fit there, or one that is damaged.
    """
    folder = Path(text).expanduser()
    folder = folder.parent if folder.name in (TENSORS, MANIFEST) else folder
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        with (folder / TENSORS).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise XTransplantError(
            f"no fit in {text!r}: xtp fit writes {TENSORS} and {MANIFEST} into its -o folder"
        ) from None
    except ValueError:
        raise XTransplantError(f"{folder / MANIFEST} is damaged: it is no JSON") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != FIT_SCHEMA:
        raise XTransplantError(f"{folder / MANIFEST} is not of a fit that this version reads")
    if manifest.get("digest") != digest:
        raise XTransplantError(
            f"{folder / TENSORS} is not the file that {MANIFEST} beside it was written for: it is "
            "damaged; fit anew"
        )
    return Fit(str(folder.resolve()), digest, manifest)
