"""What annotations promise is what comes out; `tests/typing` holds what a type checker makes of them."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import mixot
from mixot import UnsupportedError, verbs
from mixot.families.registry import registered

ROOT = Path(__file__).parents[2]
FAMILIES = [name for name, law in registered().items() if law.__name__ in mixot.__all__]


def promised():
    """Name of the class of components by the name of the family, as the overloads of `fit` say it."""
    tree = ast.parse(Path(verbs.__file__).read_text(encoding="utf-8"))
    found = {}
    for each in tree.body:
        if isinstance(each, ast.FunctionDef) and each.name == "fit" and each.decorator_list:
            names = re.findall(r"Literal\['(\w+)'\]", ast.unparse(each.args.args[1].annotation))
            law = re.search(r"\[(\w+)\]", ast.unparse(each.returns))
            found |= {name: law[1] for name in names if law and name not in found}
    return found


def test_fits_of_every_public_family_have_their_type():
    assert promised() == {name: registered()[name].__name__ for name in FAMILIES if name != "product"}


@pytest.mark.parametrize("structure", ["full", "tied", "diagonal", "spherical"])
@pytest.mark.parametrize("method", ["em", "wasserstein", mixot.MomentSOS(order=1)])
def test_the_law_of_a_fit_is_that_of_its_structure(structure, method, rng):
    if structure == "tied" and not isinstance(method, str):
        pytest.skip("moments have no such structure")
    law = type(mixot.fit(rng.normal(size=(30, 2)), k=1, structure=structure, method=method, rng=0).mixture.components)
    assert law is (mixot.Gaussian if structure in ("full", "tied") else mixot.DiagonalGaussian)


@pytest.mark.parametrize("name", FAMILIES)
def test_verbs_keep_the_law(name, rng):
    law = registered()[name]
    p = mixot.Mixture([0.5, 0.5], law.example(rng, 2))
    asked = {
        "marginal": lambda: p.marginal([0]),
        "merge": lambda: p.merge(),
        "path": lambda: mixot.geodesic(p, p)(0.5),
        "average": lambda: mixot.barycenter([p, p]).mixture,
        "source": lambda: mixot.transport_map(p, p).source,
    }
    for ask in asked.values():
        try:
            kept = ask()
        except UnsupportedError:
            continue
        assert type(kept.components) is law


def test_a_mixture_is_generic_without_cost_and_without_another_type():
    p = mixot.Mixture[mixot.Gaussian]([1.0], mixot.Gaussian([0.0], [1.0]))
    assert type(p) is mixot.Mixture
    assert len(mixot.geodesic(p, p)(0.5)) == 1


def test_typing_extensions_is_no_dependency():
    code = (
        "import sys; sys.modules['typing_extensions'] = None; import mixot.verbs, mixot._typing; mixot.fit; mixot.Fit"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_python_of_a_page_stands_on_its_lines():
    python_of = runpy.run_path(str(ROOT / "docs" / "snippets.py"))["python_of"]
    assert python_of("one\n```python\na = 1\n\nb = 2\n```\n```sh\nls\n```\n\n```python\nc = 3\n```\n") == (
        "\n\na = 1\n\nb = 2\n\n\n\n\n\n\nc = 3\n"
    )


def test_lint_reads_the_python_of_the_pages(tmp_path):
    subprocess.run([sys.executable, ROOT / "docs" / "snippets.py", tmp_path], check=True)
    readme = (tmp_path / "README.py").read_text(encoding="utf-8")
    assert "mixot.fit(a, k=2, rng=0).mixture" in readme
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert recipe.index("docs/snippets.py build/snippets") < recipe.index("/pyright")
    assert '"build/snippets"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
