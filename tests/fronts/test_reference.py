"""The pages: every public name has an entry, and what a page links to, or names, is there."""

import json
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = json.loads((Path(__file__).parent / "contract" / "names.json").read_text(encoding="utf-8"))
PAGE = '<html><p id="here">{}</p><a href="other.html#there">there</a><img src="a%20b.png"></html>'


@pytest.fixture(scope="module")
def reference():
    """What writes the reference, and the modules that have a page in it."""
    for needed in ("pdoc", "jax", "torch", "cvxpy", "anndata", "sklearn", "matplotlib", "skimage"):
        pytest.importorskip(needed)
    scope = runpy.run_path(str(ROOT / "docs" / "reference.py"))
    return scope, scope["documented"]()


@pytest.fixture
def links(tmp_path):
    """A folder of two pages and a picture, a function that writes the first one, and what checks them."""
    check = runpy.run_path(str(ROOT / "docs" / "links.py"))["broken"]
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>', encoding="utf-8")
    (tmp_path / "a b.png").write_bytes(b"")

    def of(body):
        (tmp_path / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        return check(tmp_path)

    return of


@pytest.mark.slow
def test_every_public_name_has_an_entry_and_every_name_in_a_docstring_is_one(reference):
    scope, modules = reference
    assert scope["without_entry"](modules) == []
    assert scope["unknown"](modules) == []


@pytest.mark.slow
@pytest.mark.parametrize("namespace", PROMISED)
def test_what_is_promised_has_an_entry(reference, namespace):
    assert [name for name in PROMISED[namespace] if name not in reference[1][namespace].members] == []


@pytest.mark.slow
def test_a_module_without_a_page_and_a_name_without_an_entry_are_seen(reference):
    scope, modules = reference
    fewer = {name: module for name, module in modules.items() if name != "mixot.torch"}
    assert scope["without_entry"](fewer) == ["mixot.torch has no page"]
    assert scope["without_entry"]({**modules, "mixot.torch": modules["mixot.io"]}) == [
        f"mixot.torch.{name} has no entry" for name in PROMISED["mixot.torch"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("merge", True),
        ("Mixture.merge", True),
        ("columns", True),
        ("mixot.io.tables.read_table", True),
        ("os.replace", True),
        ("KeyError", True),
        ("split", False),
        ("Mixture.split", False),
        ("mixot.io.tables.read_page", False),
    ],
)
def test_a_name_that_is_none_is_seen(reference, name, means):
    scope, modules = reference
    mixture = modules["mixot"].members["Mixture"]
    assert scope["known"](name, mixture.members["cdf"], modules["mixot"]) == means
    page = f"see `{name}`"
    assert scope["lost"](page) == ([] if means or not name.startswith("mixot") else [name])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="#here">here</a>', None),
        ('<a href="https://doi.org/10.1137/19M1301047">paper</a>', None),
        ('<a href="#away">away</a>', "leads to no place on that page"),
        ('<a href="other.html#here">here</a>', "leads to no place on that page"),
        ('<a href="lost.html">lost</a>', "leads to no file"),
        ('<img src="lost.png">', "leads to no file"),
        ('<a href="../page.html">up</a>', "leads out of the pages"),
        ('<a href="https://doi">paper</a>', "is no address"),
        ('<a href="http://doi.org/a b">paper</a>', "is no address"),
    ],
)
def test_a_link_that_leads_nowhere_is_seen(links, body, fault):
    found = links(body)
    assert found == [] if fault is None else [line.split("' ")[1] for line in found] == [fault]


def test_headings_have_the_places_that_pages_link(monkeypatch):
    for needed in ("pdoc", "markdown_it", "pygments", "matplotlib"):
        pytest.importorskip(needed)
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
    markdown = runpy.run_path(str(ROOT / "docs" / "build.py"))["MARKDOWN"]
    assert (
        markdown.render("## A new family: one `file`\n")
        == '<h2 id="a-new-family-one-file">A new family: one <code>file</code></h2>\n'
    )
