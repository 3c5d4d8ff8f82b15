"""Which module imports which, read from the syntax trees of mixot: what stands inside a function counts, too.

Imports for type checkers alone do not. A public name that is taken from ``mixot`` itself counts as the module it is
loaded from. Nothing is imported to find out.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "mixot"

Arrows = Mapping[str, set[str]]


def modules(folder: Path = SOURCES) -> dict[str, Path]:
    """Files by the names of their modules; a package is its ``__init__``."""
    found = {}
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.pyi")]):
        parts = (folder.name, *path.relative_to(folder).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def arrows(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """The modules that each module imports."""
    root = next(iter(files)).partition(".")[0]
    front_door = public_homes(files[root])
    return {
        name: {
            target
            for base, word in imported(ast.parse(path.read_text(encoding="utf-8")))
            if (target := resolve(base, word, files, root, front_door)) not in (None, name)
        }
        for name, path in files.items()
    }


def resolve(base: str, word: str, files: Mapping[str, Path], root: str, front_door: Mapping[str, str]) -> str | None:
    """The module that ``from base import word`` takes something from; None where that is not one of ours."""
    if f"{base}.{word}" in files:
        return f"{base}.{word}"
    if base == root:
        return front_door.get(word)
    return base if base in files else None


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Base and word of every import that runs, wherever it stands in a file."""
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(tree.test):
        children: Iterable[ast.AST] = tree.orelse
    else:
        children = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.ImportFrom) and tree.module is not None:
        yield from ((tree.module, alias.name) for alias in tree.names)
    if isinstance(tree, ast.Import):
        yield from ((alias.name, "") for alias in tree.names)
    if isinstance(tree, ast.Call) and ast.unparse(tree.func).endswith("import_module") and tree.args:
        first = tree.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, ""
    for child in children:
        yield from imported(child)


def public_homes(front_door: Path) -> dict[str, str]:
    """The modules that the public names are loaded from, as the front door tells type checkers."""
    tree = ast.parse(front_door.read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def layers(project: Path = ROOT / "pyproject.toml") -> list[list[str]]:
    """The layers of the contract "Arrows point down", highest first, each a list of names in ``mixot``."""
    contracts = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["name"] == "Arrows point down"]
    return [re.findall(r"\w+", layer) for layer in contract["layers"]]


def between_children(of: str, found: Arrows) -> dict[str, set[str]]:
    """The arrows between what stands side by side in a folder: files, folders, and its own ``__init__``."""

    def child(name: str) -> str | None:
        if name == of:
            return f"{of}.__init__"
        return ".".join(name.split(".")[: of.count(".") + 2]) if name.startswith(f"{of}.") else None

    merged: dict[str, set[str]] = {}
    for name, targets in found.items():
        source = child(name)
        if source is not None:
            ends = {child(target) for target in targets} - {None, source}
            merged.setdefault(source, set()).update(end for end in ends if end is not None)
    return merged


def circles(found: Arrows) -> list[list[str]]:
    """Groups of names of which each reaches every other one along the arrows."""
    reach = {name: reachable(name, found) for name in found}
    groups = {frozenset(other for other in reach[name] if name in reach.get(other, ())) for name in found}
    return sorted(sorted(group) for group in groups if group)


def reachable(start: str, found: Arrows) -> set[str]:
    """All that is reached from ``start`` in one step or more."""
    seen: set[str] = set()
    ahead = list(found.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += found.get(name, ())
    return seen
