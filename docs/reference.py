"""Write the reference from the docstrings: a page for each module that is listed here, and for those below it.

A public name without an entry, and a name in backticks that nothing is called, are faults like a lost link.
"""

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pdoc.doc
import pdoc.extract
import pdoc.render

SOURCES = Path(__file__).parents[1] / "src"
MODULES = [
    "mixot",
    "mixot.inference",
    "mixot.io",
    "mixot.datasets",
    "mixot.imaging",
    "mixot.imaging.texture.gaussian",
    "mixot.imaging.texture.patches",
    "mixot.plot",
    "mixot.sklearn",
    "mixot.jax",
    "mixot.torch",
    "mixot.cvxpy",
    "mixot.anndata",
    # for those who write a family, a solver or a way to fit
    "mixot.families.base",
    "mixot.families.roles",
    "mixot.families.moment_model",
    "mixot.solvers.base",
    "mixot.fitting.base",
    "mixot.results",
    "mixot.formulas",
]
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
CODE = re.compile(r"```.*?```|``.*?``", re.DOTALL)  # literal text, which names nothing
REFERENCE = re.compile(r"(?<![`\w])`([^`\n]+)`(?!`)")


def write(folder: Path) -> None:
    """Write the pages into ``folder``."""
    pdoc.render.configure(docformat="numpy", footer_text="mixot")
    documented()
    pdoc.pdoc(*MODULES, output_directory=folder)
    for page in folder.rglob("*.html"):
        page.write_text(unlinked(page.read_text(encoding="utf-8")), encoding="utf-8")


def faults() -> list[str]:
    """One line for each public name without an entry, and for each name in a docstring that is none."""
    modules = documented()
    return without_entry(modules) + unknown(modules)


def unlinked(text: str) -> str:
    """A page without its links to places that are not on it: pdoc links names that a class inherits, shown or not.

    >>> unlinked('<i id="a"></i> <a href="#a">a</a> <a href="#b">b</a>')
    '<i id="a"></i> <a href="#a">a</a> b'
    """
    places = set(re.findall(r'id="([^"]+)"', text))
    return re.sub(r'<a href="#([^"]+)">([^<]*)</a>', lambda m: m[0] if m[1] in places else m[2], text)


def documented() -> dict[str, pdoc.doc.Module]:
    """What has a page, by the name of the module."""
    for name in MODULES:  # imported here first: while pdoc imports, no library may start a process, which is a warning
        import_module(name)
    return {name: pdoc.doc.Module.from_name(name) for name in pdoc.extract.walk_specs(MODULES)}


def public_modules() -> list[str]:
    """The modules that say what is public in them: each has an ``__all__``, and no private name on its way."""
    found = []
    for path in sorted((SOURCES / "mixot").rglob("*.py")):
        module = ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
        names = {
            target.id
            for statement in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        if "__all__" in names and "._" not in module:
            found.append(module)
    return found


def without_entry(modules: dict[str, pdoc.doc.Module]) -> list[str]:
    """Public names that no page has."""
    lost = [f"{name} has no page" for name in public_modules() if name not in modules]
    for name, module in modules.items():
        for member in getattr(import_module(name), "__all__", ()):
            if member not in module.members:
                lost.append(f"{name}.{member} has no entry")
    return lost


def unknown(modules: dict[str, pdoc.doc.Module]) -> list[str]:
    """Names in single backticks, in the docstrings of the pages, that nothing is called."""
    return [
        f"{entry.fullname}: `{name}` is the name of nothing"
        for module in modules.values()
        for entry in entries(module)
        for name in REFERENCE.findall(CODE.sub("", entry.docstring))
        if NAME.fullmatch(name) and not known(name, entry, module)
    ]


def lost(text: str) -> list[str]:
    """Names of mixot in the text of a page, such as `mixot.io.read`, that nothing is called."""
    return [name for name in re.findall(r"`(mixot(?:\.\w+)+)[`(]", text) if not importable(name)]


def entries(entry: pdoc.doc.Doc) -> Iterator[pdoc.doc.Doc]:
    """An entry and those inside it, of a module or a class."""
    yield entry
    if isinstance(entry, pdoc.doc.Namespace):
        for name, member in entry.members.items():
            inherited = member.taken_from[0].partition(".")[0] != "mixot"  # from another library's class: theirs to say
            if not name.startswith("_") and not isinstance(member, pdoc.doc.Module) and not inherited:
                yield from entries(member)


def known(name: str, entry: pdoc.doc.Doc, module: pdoc.doc.Module) -> bool:
    """Whether a name means something beside an entry: an argument, a member, a name of its file or of mixot, a path."""
    parts = name.split(".")
    home = import_module(getattr(entry.obj, "__module__", module.modulename))
    scopes = (builtins, import_module("mixot"), module.obj, home, owner(entry), entry.obj)
    return name in arguments(entry) or any(follow(scope, parts) for scope in scopes) or importable(name)


def owner(entry: pdoc.doc.Doc) -> object:
    """The class that a method stands in; the entry's own value for all else."""
    value = import_module(entry.modulename)
    for part in entry.qualname.split(".")[:-1]:
        value = getattr(value, part)
    return value


def follow(value: object, names: list[str]) -> bool:
    """Whether ``value.a.b`` is there; fields of dataclasses are."""
    for name in names:
        fields = getattr(value, "__dataclass_fields__", {})
        if name in fields:
            return True
        if not hasattr(value, name):
            return False
        value = getattr(value, name)
    return True


def arguments(entry: pdoc.doc.Doc) -> set[str]:
    """Names of the parameters of a function, or of a class."""
    try:
        return set(inspect.signature(entry.obj).parameters)
    except (TypeError, ValueError):
        return set()


def importable(name: str) -> bool:
    """Whether a dotted name is a module, or stands in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            return follow(import_module(".".join(parts[:n])), parts[n:])
        except ImportError:
            continue
    return False
