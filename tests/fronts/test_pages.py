"""What is written runs: code in the pages, examples in the docstrings, scripts in the gallery."""

import doctest
import os
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mixot
from mixot import _native

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "docs/single-cell.md", "docs/families.md", "docs/optimal-mixture-transport.md"]
PAGES += ["docs/film.md", "docs/fits.md", "docs/files.md", "docs/certify.md", "docs/tests.md", "docs/migrating.md"]
MODULES = sorted(module.name for module in pkgutil.walk_packages(mixot.__path__, "mixot."))


def blocks(page, language):
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path):
    code = blocks(page, "python")
    assert code
    script = tmp_path / "page.py"
    script.write_text("\n".join(code), encoding="utf-8")
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path)


LOGISTIC_LAWS = """
import numpy as np
from scipy.integrate import trapezoid
from mixot.families.registry import registered
family = registered()["logistic"]
laws = family.example(np.random.default_rng(0), 3)
x = np.linspace(-80, 80, 200_001)[:, None]
density = np.exp(laws.log_prob(x))
integrals = trapezoid(density[:, :, None] * x[:, :, None] ** np.arange(5), x[:, 0], axis=0)
np.testing.assert_allclose(laws.moments(4), integrals, rtol=1e-4, atol=1e-4)
np.testing.assert_allclose(laws.moments(2)[:, 2] - laws.mean()[:, 0] ** 2, laws.cov()[:, 0, 0], rtol=1e-12)
"""


def test_the_family_in_the_page_keeps_the_laws(tmp_path):
    script = tmp_path / "laws.py"
    script.write_text("\n".join([blocks("CONTRIBUTING.md", "python")[0], LOGISTIC_LAWS]), encoding="utf-8")
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path)


RUN_LAWS = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "Redirect" not in type(finder).__name__]  # editable installs
sys.path.insert(0, sys.argv[1])
import mixot, pytest
assert mixot.__file__.startswith(sys.argv[1]), mixot.__file__
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def test_the_solver_in_the_page_is_one_file_and_keeps_the_laws(tmp_path):
    (solver,) = (block for block in blocks("CONTRIBUTING.md", "python") if "class NorthWest" in block)
    package = tmp_path / "mixot"
    shutil.copytree(Path(mixot.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert _native.__file__ is not None
    if not (package / Path(_native.__file__).name).exists():  # compiled code may be installed elsewhere
        shutil.copy(_native.__file__, package)
    (tmp_path / "mixot" / "solvers" / "discrete" / "northwest.py").write_text(solver, encoding="utf-8")
    laws = [str(ROOT / "tests" / "laws" / "test_solvers.py"), "-k", "NorthWest"]
    ran = subprocess.run([sys.executable, "-c", RUN_LAWS, tmp_path, *laws], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(re.search(r"(\d+) passed", ran.stdout).group(1)) >= 20


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler at hand")
def test_the_kernel_in_the_page_compiles(tmp_path):
    (kernel,) = blocks("CONTRIBUTING.md", "cpp")
    source = tmp_path / "kernel.cpp"
    source.write_text(kernel, encoding="utf-8")
    options = ["-std=c++17", "-Wall", "-Wextra", "-Wno-psabi", "-Werror", "-fsyntax-only", f"-I{ROOT / 'native'}"]
    subprocess.run(["c++", *options, source], check=True)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    if name in ("mixot.__main__", "mixot._native"):
        pytest.skip("nothing to document, and importing __main__ runs it")
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize("script", sorted((ROOT / "docs" / "gallery").glob("plot_*.py")), ids=lambda path: path.stem)
def test_gallery_scripts_draw(script, tmp_path, monkeypatch):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    figure = runpy.run_path(str(script))["main"]()
    figure.savefig(tmp_path / "figure.png")
    assert all(ax.has_data() for ax in figure.axes)
    mpl.pyplot.close(figure)


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/closest-mixture.md",
        "docs/index.md",
        "docs/mathematics.md",
        "docs/performance.md",
        "docs/training.md",
    ],
)
def test_links_between_pages_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    built = re.compile(r"(gallery|reference/[\w/]+)\.html|rooms\.svg")  # by docs/build.py, which checks these links
    lost = [t for t in targets if not built.fullmatch(t) and not (ROOT / page).parent.joinpath(t).exists()]
    assert lost == []


def test_every_page_that_the_index_links_is_built():
    builder = (ROOT / "docs" / "build.py").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?:\.\./)?([\w-]+\.md)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    assert linked
    assert [page for page in linked if f'"{page}"' not in builder] == []


def test_no_file_is_larger_than_a_megabyte():
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    sizes = {name: os.path.getsize(ROOT / name) for name in listing.stdout.split("\0") if (ROOT / name).is_file()}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}
