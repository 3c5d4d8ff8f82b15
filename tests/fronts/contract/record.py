"""What mixot promises: public names, commands, the fields of their JSON and of model files, as plain dictionaries.

``python tests/fronts/contract/record.py`` writes them beside this file, where ``test_contract.py`` holds every later
state against them. Run it after something was added that shall stay, and read the difference before it is committed.
"""

import ast
import dataclasses
import enum
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import typing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

# Each namespace with what it needs besides mixot itself.
NAMESPACES = {
    "mixot": (),
    "mixot.io": (),
    "mixot.datasets": (),
    "mixot.imaging.color": (),
    "mixot.imaging.color_grid": (),
    "mixot.imaging.film": (),
    "mixot.imaging.lookup_tables": (),
    "mixot.imaging.natural": (),
    "mixot.imaging.palettes": (),
    "mixot.imaging.shapes": (),
    "mixot.imaging.sheets": (),
    "mixot.imaging.stipple": (),
    "mixot.imaging.swatches": (),
    "mixot.imaging.texture": (),
    "mixot.plot": ("matplotlib",),
    "mixot.jax": ("jax",),
    "mixot.torch": ("torch",),
    "mixot.cvxpy": ("cvxpy",),
    "mixot.anndata": ("anndata",),
    "mixot.sklearn": ("sklearn",),
}
OPERATORS = ("__call__", "__len__", "__iter__", "__getitem__", "__add__", "__contains__")

# Every command, in each of the ways that make it print other fields; run among the files of `write_inputs`.
COMMANDS = [
    "fit a.csv -k 2 -o fitted.json",
    "fit line.csv --method moments --order 2 -k 1",
    "fit a.csv --method wasserstein -k 1",
    "fit day0.h5ad --label type -o cells.json",
    "fit line.csv -k 1 --certify",
    "certify line.csv",
    "distance p.json q.npz",
    "distance p.json q.npz --lam auto --rho 1,2",
    "distance a.csv b.csv --exact",
    "distance a.csv photo.png",
    "distances p.json q.npz -o matrix.csv",
    "plan p.json b.csv -k 2 -o plan.csv",
    "plan p.json q.npz --lam 0.5 --eps 0.1",
    "plan a.csv b.csv --exact",
    "plan a.csv photo.png",
    "plan day0.h5ad day1.h5ad --label type --growth",
    "plan day0.h5ad --groupby batch --label type",
    "geodesic p.json q.npz --steps 2 -o path",
    "map a.csv b.csv -k 1 -o moved.csv",
    "map a.csv photo.png -o centers.csv",
    "barycenter p.json q.npz -o mean.json",
    "joint a.csv b.csv -k 1 --lam 1 -o pair",
    "components a.csv b.csv --k-max 2 --splits 2 -o choice",
    "test a.csv --draws 19",
    "test a.csv --null gaussian --splits 2",
    "test a.csv b.csv --draws 19 -k 1",
    "test a.csv b.csv --interval --draws 19",
    "populations a.csv b.csv -k 2",
    "recolor photo.png --palette photo.png -k 1 -o out.png",
    "recolor photo.png --palette photo.png --table look.cube -o natural.png",
    "recolor photo.png --palette photo.png photo.png --grid 2 -o sheet.png",
    "palette photo.png -k 1 -o palette.json",
    "shapes photo.png photo.png -k 1 --grid 2 -o shapes.png",
    "quantize photo.png -n 5 -o dots.svg",
    "texture photo.png --method gaussian -o out.png",
]


def public_names(namespace):
    """What a namespace offers: its ``__all__``, else the functions and classes that stand in it or below."""
    module = import_module(namespace)
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    own = (name for name, value in vars(module).items() if getattr(value, "__module__", "").startswith(namespace))
    return sorted(name for name in own if not name.startswith("_"))


def describe(namespace, names):
    """Each of the names with its parameters, and of a class with its members; a name that is missing is left out."""
    module = import_module(namespace)
    return {name: describe_value(getattr(module, name)) for name in names if hasattr(module, name)}


def describe_value(value):
    """A class by its parameters and members, a function by its parameters, anything else as a value."""
    if inspect.isclass(value):
        made = {} if issubclass(value, enum.Enum) else parameters(value)
        return {"class": made, "members": dict(sorted(members(value).items()))}
    return {"function": parameters(value)} if callable(value) else "value"


def parameters(called):
    """Name of each parameter, in order, with its kind and its default."""
    try:
        signature = inspect.signature(called)
    except ValueError:  # made by C code
        return {}
    return {
        name: p.kind.description + ("" if p.default is p.empty else f" = {plain(p.default)}")
        for name, p in signature.parameters.items()
        if name != "self"
    }


def plain(default):
    """A default as text that is the same in every process; of a class without a public name, its fields alone."""
    kind = type(default)
    private = kind.__module__.startswith("mixot") and kind.__name__ not in sys.modules["mixot"].__all__
    return re.sub(r" at 0x[0-9a-f]+", "", repr(default).removeprefix(kind.__name__ if private else ""))


def members(cls):
    """Public fields, attributes and methods of a class, those of its parents in mixot included."""
    found = {}
    for parent in reversed([each for each in cls.__mro__ if each.__module__.startswith("mixot")]):
        for name, value in vars(parent).items():
            if not name.startswith("_") or name in OPERATORS:
                found[name] = member(getattr(cls, name), value)
    if dataclasses.is_dataclass(cls):
        found |= {field.name: "attribute" for field in dataclasses.fields(cls) if not field.name.startswith("_")}
    return {name: what for name, what in found.items() if what is not None}


def member(value, held):
    """How one member is used; None for a method that answers nothing, which is no promise."""
    if isinstance(value, enum.Enum):
        return f"member {value.value!r}"
    if not inspect.isroutine(held) and not isinstance(held, (classmethod, staticmethod)):
        return "attribute"
    return None if refuses(value) else {"method": parameters(value)}


def refuses(method):
    """Whether a method answers nothing: its body ends in ``raise`` or an empty ``return``, its only one."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(method)))).body
    except (OSError, TypeError):
        return False
    if not isinstance(tree, ast.FunctionDef) or not isinstance(tree.body[-1], ast.Raise | ast.Return):
        return False
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    return all(value is None or (isinstance(value, ast.Constant) and value.value is None) for value in returned)


def commands():
    """Every command with its arguments and options."""
    import typer

    from mixot.cli import app

    group = typer.main.get_command(app)
    return {name: options(command) for name, command in group.commands.items()}


def options(command):
    """How each argument and option of a command is written; of some, the values that it takes."""
    hints = typing.get_type_hints(command.callback)
    found = {}
    for p in command.params:
        kinds = [each for each in (hints[p.name], *typing.get_args(hints[p.name])) if inspect.isclass(each)]
        choices = [each.value for kind in kinds if issubclass(kind, enum.Enum) for each in kind]
        named = {"written": [*p.opts, *p.secondary_opts], "type": " | ".join(kind_name(kind) for kind in kinds)}
        limits = {"choices": choices} if choices else {}
        default = getattr(p.default, "value", p.default)
        found[p.name] = named | limits | {"required": p.required, "many": p.multiple or p.nargs < 0, "default": default}
    return found


def kind_name(kind):
    """The type of a value on the command line; a choice by that word, what it chooses from stands beside it."""
    return "choice" if issubclass(kind, enum.Enum) else kind.__name__


def write_inputs(folder):
    """The small files that the commands read."""
    import mixot
    from mixot import DiagonalGaussian, Gaussian, Mixture, io

    rng = np.random.default_rng(0)
    for name, shift in (("a.csv", 0.0), ("b.csv", 2.0)):
        points = rng.normal(size=(40, 2)) + shift + 6.0 * (np.arange(40) % 2)[:, None]
        io.write_table(folder / name, points, ["length", "width"])
    io.write_table(folder / "line.csv", rng.normal(size=(60, 1)), ["length"])
    mixot.save(Mixture([0.4, 0.6], Gaussian([[0.0, 0.0], [3.0, 1.0]], [np.eye(2), 2 * np.eye(2)])), folder / "p.json")
    mixot.save(Mixture([0.7, 0.3], DiagonalGaussian([[1.0, 0.0], [4.0, 5.0]], np.ones((2, 2)))), folder / "q.npz")
    if find_spec("PIL"):
        io.write_picture(folder / "photo.png", io.Picture(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)))
    if find_spec("anndata"):
        write_cells(folder, rng)


def write_cells(folder, rng):
    """Two small populations of cells."""
    import pandas as pd
    from anndata import AnnData

    for day in range(2):
        types = np.where(np.arange(60) % (3 + day) == 0, "B", "T")
        batches = np.where(np.arange(60) < 25, "one", "two")
        obs = pd.DataFrame({"type": types, "batch": batches}, index=np.arange(60).astype(str))
        obs = obs.astype("category")
        cells = AnnData(obs=obs)
        cells.obsm["X_pca"] = rng.normal(size=(60, 2)) + 5.0 * (types == "B")[:, None] + day
        cells.write_h5ad(folder / f"day{day}.h5ad")


def document(command, folder):
    """The fields of what a command prints for machines: the path of each, and the types that stand there."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "mixot", *shlex.split(command), "--json"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    # A library below Python may greet on standard output first (HiGHS does, before a barycenter).
    return fields_of(json.loads(ended.stdout[ended.stdout.index("{") :]))


def fields_of(value):
    """Path and types of everything in a document; entries of a list share the path ``[]``."""
    found = {}
    collect(value, "", found)
    return {path: " | ".join(sorted(kinds)) for path, kinds in found.items()}


def collect(value, path, found):
    """Add the type of ``value`` at ``path``, and of all that is inside."""
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "integer", float: "number"}
    found.setdefault(path or ".", set()).add(names.get(type(value), "null"))
    if isinstance(value, dict):
        for key, each in value.items():
            collect(each, f"{path}.{key}", found)
    elif isinstance(value, list):
        for each in value:
            collect(each, f"{path}[]", found)


def models(folder):
    """The fields of a model file of each family, as JSON and as npz."""
    import mixot

    found = {}
    for family in (value for name in mixot.__all__ if hasattr(value := getattr(mixot, name), "example")):
        mixture = mixot.Mixture([0.25, 0.75], family.example(np.random.default_rng(0), 2))
        mixot.save(mixture, folder / "model.json")
        mixot.save(mixture, folder / "model.npz")
        written = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz") as arrays:
            npz = {key: f"{arrays[key].dtype.kind}, axes {arrays[key].ndim}" for key in sorted(arrays)}
        head = {key: written[key] for key in ("format", "version", "family")}
        found[family.name] = {"head": head, "json": fields_of(written), "npz": npz}
    return found


def main():
    """Write the promises of this state."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        promises = {
            "names": {namespace: describe(namespace, public_names(namespace)) for namespace in NAMESPACES},
            "commands": commands(),
            "documents": {command: document(command, folder) for command in COMMANDS},
            "models": models(folder),
        }
    for title, promised in promises.items():
        (HERE / f"{title}.json").write_text(json.dumps(promised, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
