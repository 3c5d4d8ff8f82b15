"""Arrows point down: no import runs up the layers, and none runs in a circle, those inside functions included."""

import runpy
from pathlib import Path

import pytest

READER = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "import_graph.py"))
FILES = READER["modules"]()
ARROWS = READER["arrows"](FILES)
LAYERS = READER["layers"]()
FOLDERS = sorted(name for name, path in FILES.items() if path.name == "__init__.py")


def runs_up(arrows, layers):
    """Imports of what stands in a higher layer, each as a sentence."""
    height = {name: -level for level, names in enumerate(layers) for name in names}

    def top(module):
        return module.split(".")[1]

    return sorted(
        f"{source} imports {target}"
        for source, targets in arrows.items()
        for target in targets
        if "." in source and "." in target and height[top(target)] > height[top(source)]
    )


def test_every_file_stands_in_one_layer():
    names = [name for layer in LAYERS for name in layer]
    assert sorted(names) == sorted({name.split(".")[1] for name in FILES if "." in name})


def test_no_import_runs_up_the_layers():
    assert runs_up(ARROWS, LAYERS) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_in_a_folder_stands_in_a_circle(folder):
    assert READER["circles"](READER["between_children"](folder, ARROWS)) == []


def test_the_public_names_are_loaded_by_the_front_door_alone():
    takers = [name for name, targets in ARROWS.items() if "mixot" in targets and name not in ("mixot.cli",)]
    assert takers == []


CODE = {
    "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.up import Roof as Roof\n",
    "up.py": "from house.down.cellar import floor\nclass Roof: ...\n",
    "down/__init__.py": "",
    "down/cellar.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house import up\nfloor = 1\n",
    "down/stairs.py": "def climb():\n    from house import Roof\n    import house.down.shaft\n",
    "down/shaft.py": "import importlib\ndef fall():\n    return importlib.import_module('house.down.stairs')\n",
}


@pytest.fixture
def house(tmp_path):
    for name, code in CODE.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
    return READER["arrows"](READER["modules"](tmp_path / "house"))


def test_imports_in_functions_are_seen_and_those_of_type_checkers_are_not(house):
    assert house["house.up"] == {"house.down.cellar"}
    assert house["house.down.cellar"] == set()
    assert house["house.down.stairs"] == {"house.up", "house.down.shaft"}


def test_an_import_that_runs_up_is_told(house):
    assert runs_up(house, [["up"], ["down"]]) == ["house.down.stairs imports house.up"]


def test_a_circle_is_told(house):
    circle = ["house.down.shaft", "house.down.stairs"]
    assert READER["circles"](READER["between_children"]("house.down", house)) == [circle]
    assert READER["circles"](READER["between_children"]("house", house)) == [["house.down", "house.up"]]
