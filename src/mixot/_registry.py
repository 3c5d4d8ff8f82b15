"""Which module of a package enrols a name: read from the sources, so that one name costs the import of one module."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Container
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def load(name: str, enrolled: Container[str], package: str, decorator: str) -> bool:
    """Import the module of ``package`` that enrols ``name``; return whether the name is enrolled then.

    Parameters
    ----------
    name : str
        What is looked for.
    enrolled : container of str
        The names so far, to which modules add when they are imported.
    package, decorator : str
        See `modules_by_name`.
    """
    if name not in enrolled and (module := modules_by_name(package, decorator).get(name)) is not None:
        import_module(module)
    if name not in enrolled:  # it does not exist, or its source was not shipped: then importing it is what finds it
        import_every_module(package)
    return name in enrolled


def modules_by_name(package: str, decorator: str) -> dict[str, str]:
    """Return the modules of ``package`` by the names they enrol, without importing any of them.

    A name is what stands in ``@decorator("name")`` above a class, in any file of the package and its sub-packages: a
    new file is found as soon as it lies there.

    Parameters
    ----------
    package : str
        Its dotted name.
    decorator : str
        Name of the decorator that enrols a class.

    Examples
    --------
    >>> modules_by_name("mixot.fitting", "register_fitter")["em"]
    'mixot.fitting.likelihood.em'
    """
    enrols = re.compile(rf"""^@(?:\w+\.)*{decorator}\(\s*["']([^"']+)["']""", re.MULTILINE)
    found: dict[str, str] = {}
    where = find_spec(package)  # imports what the package is in, at most
    for folder in map(Path, (where and where.submodule_search_locations) or ()):
        for file in sorted(folder.rglob("*.py")):
            module = ".".join((package, *file.relative_to(folder).with_suffix("").parts))
            found |= dict.fromkeys(enrols.findall(file.read_text(encoding="utf-8")), module.removesuffix(".__init__"))
    return found


def import_every_module(package: str) -> None:
    """Import all modules of ``package``: to list what is enrolled, or where there are no sources to read names from."""
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)
