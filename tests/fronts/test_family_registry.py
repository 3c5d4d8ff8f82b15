"""Families by name: one module is imported to find one, and a file in a folder is all that a new one takes."""

import subprocess
import sys

import pytest

import mixot.families.line
from mixot import DiagonalGaussian, Mixture, distance
from mixot._registry import modules_by_name
from mixot.families import base, registry
from mixot.families.registry import lookup, register, registered

NEW = """
from mixot.families.base import register
from mixot.families.line.exponential import Exponential


@register("hasty")
class Hasty(Exponential):
    pass
"""


def fresh(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def names(monkeypatch):
    """A registry that forgets after the test what was enrolled in it."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


def test_a_lookup_loads_one_family():
    code = "import sys\nfrom mixot.families import lookup\nlookup('gaussian')\nprint(*sys.modules)"
    loaded = {name for name in fresh(code).split() if name.startswith("mixot.families.")}
    assert "mixot.families.elliptical.gaussian" in loaded
    others = set(modules_by_name("mixot.families", "register").values()) - {"mixot.families.elliptical.gaussian"}
    assert len(others) >= 13
    assert not loaded & others


def test_each_name_is_found_where_it_is_enrolled():
    homes = modules_by_name("mixot.families", "register")
    assert homes == {name: family.__module__ for name, family in registered().items()}
    assert homes["weibull"] == "mixot.families.line.weibull"


def test_an_unknown_name_lists_all_names_in_a_fresh_interpreter():
    told = fresh("from mixot.families import lookup\ntry: lookup('cauchy')\nexcept ValueError as error: print(error)")
    assert told == f"unknown family 'cauchy'; families are {', '.join(sorted(registered()))}"


def test_a_family_from_elsewhere_is_enrolled_by_its_decorator(names):
    @register("mine")
    class Mine(DiagonalGaussian):
        pass

    assert lookup("mine") is Mine
    assert Mine.name == "mine"
    p = Mixture([1.0], Mine([[0.0]], [[1.0]]))
    assert distance(p, Mixture([1.0], Mine([[3.0]], [[1.0]]))) == 3.0


def test_a_new_file_in_a_folder_is_all_it_takes(names, tmp_path, monkeypatch):
    (tmp_path / "hasty.py").write_text(NEW, encoding="utf-8")
    monkeypatch.setattr(mixot.families, "__path__", [*mixot.families.__path__, str(tmp_path)])
    assert lookup("hasty").__module__ == "mixot.families.hasty"
    assert registered()["hasty"] is lookup("hasty")
    monkeypatch.delitem(sys.modules, "mixot.families.hasty")
    monkeypatch.delattr(mixot.families, "hasty")


def test_the_door_for_family_files_hands_out_the_registry():
    assert (base.register, base.lookup, base.registered) == (register, lookup, registered)
