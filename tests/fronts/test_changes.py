"""Release notes: one small file a change, in the form that the tool which joins them reads."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
KINDS = [kind["directory"] for kind in SETTINGS["type"]]
FRAGMENTS = sorted(path for path in (ROOT / SETTINGS["directory"]).iterdir() if path.name != ".gitkeep")


def faults(name, text):
    """What is wrong with a fragment, in words."""
    found = []
    if not re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(KINDS)})\.md", name):
        found.append(f"{name}: expected +some-words.KIND.md, KIND one of {', '.join(KINDS)}")
    lines = text.split("\n")
    if not text.strip() or lines[-1] != "" or "" in lines[:-1]:
        found.append(f"{name}: expected one paragraph that ends in a line break")
    if text.lstrip().startswith(("-", "*", "#")):
        found.append(f"{name}: expected sentences; the bullet is set when the fragments are joined")
    if max(map(len, lines)) > 120:
        found.append(f"{name}: a line is longer than 120 characters")
    return found


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_fragments_are_well_formed(path):
    assert faults(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("+good-words.fixed.md", "It is so.\n", None),
        ("17.fixed.md", "It is so.\n", "expected +some-words"),
        ("+good-words.mended.md", "It is so.\n", "expected +some-words"),
        ("+good-words.fixed.md", "It is so.", "one paragraph"),
        ("+good-words.fixed.md", "\n", "one paragraph"),
        ("+good-words.fixed.md", "It is so.\n\nAnd so.\n", "one paragraph"),
        ("+good-words.fixed.md", "- It is so.\n", "expected sentences"),
        ("+good-words.fixed.md", "so " * 50 + "\n", "longer"),
    ],
)
def test_a_fault_in_a_fragment_is_told(name, text, fault):
    found = faults(name, text)
    assert any(fault in each for each in found) if fault else found == []


def test_the_changelog_says_where_a_release_goes():
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count("<!-- towncrier release notes start -->\n") == 1


@pytest.mark.skipif(not find_spec("towncrier"), reason="towncrier is not installed")
def test_fragments_are_joined():
    words = ["build", "--draft", "--version", "Next", "--date", "not yet released"]
    told = subprocess.run(
        [sys.executable, "-m", "towncrier", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "## Next (not yet released)" in told.stdout
    joined = " ".join(told.stdout.split())
    assert [path.name for path in FRAGMENTS if " ".join(path.read_text(encoding="utf-8").split()) not in joined] == []
