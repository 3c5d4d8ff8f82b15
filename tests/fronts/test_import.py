"""The front door: what `import mixot` loads, and that every public name stands behind it."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import mixot

HEAVY = [
    "numpy",
    "scipy",
    "ot",
    "sklearn",
    "matplotlib",
    "pandas",
    "pyarrow",
    "PIL",
    "skimage",
    "typer",
    "rich",
    "torch",
]


def loaded_by(code):
    """Which of the heavy packages a fresh interpreter has loaded after ``code``."""
    probe = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout.split()


def test_import_loads_nothing_heavy():
    assert loaded_by("import mixot; dir(mixot)") == []


def test_measures_and_mixtures_need_numpy_alone():
    code = (
        "import mixot; mixot.Mixture([1.0], mixot.Gaussian([0.0], [1.0])).log_density([0.0]); mixot.as_measure([[0.0]])"
    )
    assert loaded_by(code) == ["numpy"]


def test_the_verbs_load_no_framework_and_no_scipy_yet():
    verbs = "fit, distance, plan, geodesic, transport_map, barycenter, bounds, fit_pair"
    assert loaded_by(f"from mixot import {verbs}") == ["numpy"]


def test_a_first_fit_in_the_plane_needs_numpy_alone():
    assert loaded_by("from mixot import fit; fit([[0.0, 1.0], [1.0, 3.0], [2.0, 0.5], [9.0, 9.0]], k=1)") == ["numpy"]


def test_the_first_distance_and_the_first_distances_need_numpy_alone():
    code = (
        "from mixot import Gaussian, Mixture, Samples, distance, distances\n"
        "p = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [1.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]]] * 2))\n"
        "distance(p, p), distance(Samples([[0.0], [1.0]]), Samples([[2.0], [3.0]])), distances([p, p])"
    )
    assert loaded_by(code) == ["numpy"]


@pytest.mark.parametrize("name", mixot.__all__)
def test_every_public_name_resolves(name):
    assert getattr(mixot, name) is not None
    assert name in dir(mixot)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(mixot.__file__).read_text(encoding="utf-8"))
    seen = {
        (node.module.removeprefix("mixot."), alias.asname)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mixot.")
        for alias in node.names
    }
    assert seen == {(home, name) for name, home in mixot._MODULE.items()}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mixot' has no attribute 'teleport'"):
        _ = mixot.teleport


def test_version_is_the_version_of_the_distribution():
    assert mixot.__version__ == importlib.metadata.version("mixot")


def test_the_package_is_typed():
    assert (Path(mixot.__file__).parent / "py.typed").exists()


def test_the_estimators_load_scikit_learn_and_nobody_else_does():
    assert "sklearn" in loaded_by("import mixot.sklearn")
    assert loaded_by("import mixot; mixot.fit([[0.0, 1.0], [1.0, 3.0], [2.0, 0.5]], k=1)") == ["numpy"]
