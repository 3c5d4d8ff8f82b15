"""The folders of native/: includes run down only, and native/python alone knows Python."""

import re
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
BELOW = {  # what the files of a folder may include, besides their own folder
    "machine": set(),
    "pictures": {"machine"},
    "textures": {"machine"},
    "linear_algebra": {"machine"},
    "mixtures": {"machine", "linear_algebra"},
    "discrete": {"machine", "linear_algebra"},
    "cells": {"machine", "linear_algebra"},
    "densities": {"machine", "cells"},
    "semidiscrete": {"machine", "linear_algebra", "cells", "densities", "discrete"},
}
BELOW["python"] = set(BELOW)


def includes(folder, quotes):
    """(file, what it includes) for all files of a folder; a kernel that is compiled for each instruction set counts."""
    opening, closing = quotes
    line = re.compile(rf"^#\s*(?:include|define MIXOT_KERNEL) {opening}([^{closing}]+){closing}", re.MULTILINE)
    for path in sorted((NATIVE / folder).iterdir()):
        for included in line.findall(path.read_text(encoding="utf-8")):
            yield f"{folder}/{path.name}", included


def test_every_folder_has_its_place():
    assert {path.name for path in NATIVE.iterdir()} == set(BELOW)
    assert all(path.is_file() for folder in BELOW for path in (NATIVE / folder).iterdir())


def test_the_order_of_the_folders_has_no_circle():
    above = {folder: set(below) for folder, below in BELOW.items()}
    while above:
        free = {folder for folder, below in above.items() if not below}
        assert free, f"these include each other: {sorted(above)}"
        above = {folder: below - free for folder, below in above.items() if folder not in free}


@pytest.mark.parametrize("folder", BELOW)
def test_includes_run_down(folder):
    found = list(includes(folder, '""'))
    missing = [pair for pair in found if not (NATIVE / pair[1]).is_file()]
    assert not missing, "includes are named from native/ on"
    assert not [pair for pair in found if pair[1].split("/")[0] not in BELOW[folder] | {folder}]
    assert folder in ("machine",) or found  # the pattern still matches what includes look like


@pytest.mark.parametrize("folder", BELOW)
def test_only_one_folder_knows_python(folder):
    knows = [pair for pair in includes(folder, "<>") if re.match(r"nanobind/|pybind11/|Python\.h|numpy/", pair[1])]
    assert bool(knows) == (folder == "python"), knows
