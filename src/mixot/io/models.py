"""Mixtures on disk: versioned JSON that people can read, the same fields as npz for big ones; never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from mixot._checks import as_floats, as_path, is_rounded
from mixot.errors import InputError, UnsupportedError
from mixot.families import Family, lookup
from mixot.io.arrays import npz_names, read_npz
from mixot.io.atomic import check_target, replacing
from mixot.io.contents import Content
from mixot.io.places import locate
from mixot.mixture import Mixture

FORMAT = "mixot mixture"
PALETTE = "mixot palette"  # the same fields, and the space of the colors
VERSION = 1  # raise it when a file of today could no longer be read as it was meant
SUFFIXES = (".json", ".npz")
_HEAD = ("format", "version", "family", "weights", "columns")
_DOTTED = ("components.", "levels.")


def save(mixture: Any, path: str | os.PathLike[str]) -> None:
    """Write a mixture so that `load` gives it back to the last bit.

    Parameters
    ----------
    mixture : Mixture or Fit
        Of any family; of a fit its mixture is written.
    path : str or path
        ``.json`` (text that people can read) or ``.npz`` (arrays, for big ones).

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, or the extension is another.

    Examples
    --------
    >>> import tempfile
    >>> from mixot import Gaussian
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04])), f"{folder}/p.json")
    ...     load(f"{folder}/p.json")
    Mixture(k=2, dim=1, family='gaussian', weights=[0.3, 0.7])
    """
    mixture = getattr(mixture, "mixture", mixture)
    if not isinstance(mixture, Mixture):
        raise InputError(f"a Mixture or a Fit can be saved, got {type(mixture).__name__}")
    target = check_target(path, SUFFIXES)
    with replacing(target) as file:
        if target.suffix.lower() != ".npz":
            file.write(text_of(mixture).encode())
            return
        head, named, parameters = _parts(mixture)
        arrays = {f"components.{name}": value for name, value in parameters.items()}
        arrays |= {f"levels.{at}": np.array(names) for at, names in named.items()}
        np.savez(file, allow_pickle=False, **head, weights=mixture.weights, **arrays)


def text_of(mixture: Mixture, more: Mapping[str, Any] | None = None) -> str:
    """The text that `save` writes to a .json file; ``more`` fields come after the format, or in place of it."""
    head, named, parameters = _parts(mixture)
    lists = {name: value.tolist() for name, value in parameters.items()}
    levels = {"levels": named} if named else {}
    first = {"format": head.pop("format"), "version": head.pop("version"), **(more or {})}
    return _readable({**first, **head, **levels, "weights": mixture.weights.tolist(), "components": lists})


def _parts(mixture: Mixture) -> tuple[dict[str, Any], dict[str, list[str]], dict[str, np.ndarray]]:
    """The fields of a model file: its head, names of levels, and parameters."""
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "family": mixture.components.name}
    if mixture.columns is not None:
        head["columns"] = list(mixture.columns)
    named = {str(at): list(names) for at, names in mixture.components.level_names.items()}
    return head, named, {name: np.asarray(value) for name, value in mixture.components.parameters().items()}


def load(path: str | os.PathLike[str]) -> Mixture:
    """Return the mixture that `save` wrote to ``path``.

    Raises
    ------
    InputError
        Where there is no such file, it is damaged or cut, it is something else, or a newer mixot wrote it; the
        message names the file and what to do.
    """
    document, content = document_of(path)
    if document.get("format") == PALETTE and document.get("space") != "rgb":  # it would be taken for colors in rgb
        raise InputError(
            f"{path}: a palette in the space {document.get('space')!r}, where models of colors are in 'rgb'; it is for "
            "mixot recolor and mixot palette, or mixot.imaging.palettes.load_palette"
        )
    return mixture_of(document, content)


def document_of(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Content]:
    """The fields of the model in a file, of which `mixture_of` makes the mixture; raises as `load` does."""
    source = as_path(path)
    if source.is_dir():
        raise InputError(f"{path}: a folder, not a model file")
    content = locate(source)
    if content.suffix not in SUFFIXES:
        raise InputError(f"{path}: models are {' or '.join(SUFFIXES)} files")
    return (_npz_document(content) if content.suffix == ".npz" else _json_document(content)), content


def is_model(path: Content) -> bool:
    """Whether an ``.npz`` or a ``.json`` holds a model rather than a table: arrays of names, or a list of records."""
    if path.suffix == ".npz":
        return "format" in npz_names(path)
    return path.suffix == ".json" and not path.start(1 << 10).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _readable(document: Mapping[str, Any]) -> str:
    """JSON with one field a line, and one component a line: short files read well, long ones diff well."""
    listed = {
        name: "[\n" + ",\n".join("      " + json.dumps(row, allow_nan=False) for row in value) + "\n    ]"
        for name, value in document["components"].items()
    }
    components = ",\n".join(f"    {json.dumps(name)}: {text}" for name, text in listed.items())
    head = "".join(
        f"  {json.dumps(name)}: {json.dumps(document[name])},\n" for name in document if name != "components"
    )
    return "{\n" + head + '  "components": {\n' + components + "\n  }\n}\n"


def _json_document(path: Content) -> dict[str, Any]:
    try:
        text = path.data.decode("utf-8-sig")  # editors of Windows put a mark before the first brace
        document = json.loads(text, object_pairs_hook=once, parse_int=_whole)
    except UnicodeDecodeError as binary:
        raise InputError(f"{path}: not a text file, so not a mixot model in JSON; save the model again") from binary
    except json.JSONDecodeError as damage:
        raise InputError(
            f"{path}: not complete JSON (line {damage.lineno}: {damage.msg}); the file is cut or damaged, "
            "save the model again"
        ) from damage
    except InputError as wrong:
        raise InputError(f"{path}: {wrong}; save the model again") from wrong
    except ValueError as damage:  # a whole number of more digits than Python reads
        raise InputError(f"{path}: a number in it cannot be read ({damage}); save the model again") from damage
    except RecursionError as damage:
        raise InputError(f"{path}: JSON nested too deeply to be a mixot model; save the model again") from damage
    if not isinstance(document, dict) or document.get("format") not in (FORMAT, PALETTE):
        raise InputError(
            f'{path}: JSON, but not a mixot model (it should hold "format": "{FORMAT}"); a table in JSON is a list of '
            'records, [{"x": 1, "y": 2}, ...], or, as .jsonl, one on each line'
        )
    return document


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of one object; json alone would take the last of two that have one name."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise InputError(f"the field {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return fields


def _whole(text: str) -> int:
    """A whole number in JSON that stays what it is when it becomes a float; a list of mixed numbers would round it."""
    number = int(text)
    if is_rounded(number):
        raise InputError(f"the whole number {text[:40]} is none that float64 holds")
    return number


def _npz_document(path: Content) -> dict[str, Any]:
    arrays = read_npz(path, [name for name in npz_names(path) if name in _HEAD or name.startswith(_DOTTED)])
    if str(arrays.get("format")) != FORMAT:
        raise InputError(f'{path}: arrays, but not a mixot model (it should hold "format": "{FORMAT}")')
    parameters, levels = (
        {name.removeprefix(dotted): value for name, value in arrays.items() if name.startswith(dotted)}
        for dotted in _DOTTED
    )
    plain = {name: value.item() for name, value in arrays.items() if value.ndim == 0 and not name.startswith(_DOTTED)}
    names: dict[str, Any] = {"columns": arrays["columns"].tolist()} if "columns" in arrays else {}
    names |= {"levels": {at: value.tolist() for at, value in levels.items()}} if levels else {}
    return {**plain, **names, "weights": arrays.get("weights"), "components": parameters}


def mixture_of(document: Mapping[str, Any], path: Content) -> Mixture:
    """The mixture that the fields of a model file tell."""
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{path}: the format version must be a positive whole number, got {version!r}")
    if version > VERSION:
        raise InputError(
            f"{path}: written by a newer mixot (format version {version}, this one reads up to {VERSION}); "
            "pip install --upgrade mixot"
        )
    try:
        components = _components(lookup(str(document.get("family"))), document.get("components"))
        components = components.with_level_names(_level_names(document.get("levels", {})))
        return Mixture(_numbers(document.get("weights"), "weights"), components, columns=document.get("columns"))
    except (InputError, UnsupportedError) as wrong:
        raise InputError(f"{path}: {wrong}; save the model again") from wrong


def _components(family: type[Family], parameters: Any) -> Family:
    if not isinstance(parameters, Mapping):
        expected = sorted(field.name for field in fields(family))  # type: ignore[arg-type]
        came = type(parameters).__name__
        raise InputError(f"components of the {family.name} family are {expected}, got {came}")
    return family.from_parameters({name: _numbers(value, name) for name, value in parameters.items()})


def _level_names(levels: Any) -> dict[int, list[str]]:
    good = isinstance(levels, Mapping) and all(
        at.isdecimal() and isinstance(names, list) and all(isinstance(name, str) for name in names)
        for at, names in levels.items()
    )
    if not good:
        raise InputError("levels must be lists of names, each under the number of its coordinate")
    return {int(at): names for at, names in levels.items()}


def _numbers(value: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{name} must be rows of equal length") from None
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name} must be numbers, got {type(value).__name__} of {array.dtype}")
    return as_floats(array, name)
