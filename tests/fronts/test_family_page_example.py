"""The family that CONTRIBUTING writes out, saved as the file it says, keeps every law that is asked of a family."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mixot
from mixot import _native

ROOT = Path(__file__).parents[2]
LAWS = ["tests/laws/test_densities.py", "tests/laws", "tests/fronts/test_models.py"]
FROM = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "Redirecting" not in type(finder).__name__]  # of the checkout
sys.path.insert(0, {source!r})
import mixot
assert mixot.__file__.startswith({source!r}), mixot.__file__
"""
RUN = """
import pytest
sys.exit(pytest.main({arguments!r}))
"""
REFUSALS = """
from mixot.families import lookup, roles
law = lookup("logistic")
p = mixot.Mixture([1.0], law([0.0], [1.0]))
asked = {
    "module": lambda: law.__module__,
    "compared": lambda: roles.plays(law, roles.Compared) and mixot.distance(p, p),
    "interpolated": lambda: roles.plays(law, roles.Interpolated) and len(mixot.geodesic(p, p)),
    "coupled": lambda: mixot.transport_map(p, p),
    "averaged": lambda: mixot.barycenter([p, p]),
    "affine": lambda: p.affine(2.0),
    "on the line": lambda: p.cdf([0.0]),
    "likely": lambda: mixot.fit([0.0, 1.0], "logistic", k=1),
    "polynomial": lambda: mixot.fit([0.0, 1.0], "logistic", method="moments"),
}
for role, ask in asked.items():
    try:
        told = ask()
    except mixot.UnsupportedError as refusal:
        told = str(refusal).split("; families that do: ")[0]
    print(f"{role}: {told}")
"""
TOLD = """
module: mixot.families.line.logistic
compared: 0.0
interpolated: 1
coupled: the logistic family has no closed-form transport maps
averaged: the logistic family has no closed-form barycenters
affine: the logistic family has no closed-form affine images
on the line: the logistic family has no closed-form distribution function
likely: the logistic family has no start for EM
polynomial: the logistic family does not say its moments as polynomials of its parameters
"""


def blocks(page):
    """The blocks of Python of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def source(tmp_path):
    """A folder with a copy of the package and the family of the page in it."""
    package = tmp_path / "mixot"
    shutil.copytree(Path(mixot.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert _native.__file__ is not None
    if not (package / Path(_native.__file__).name).exists():  # compiled code may be installed elsewhere
        shutil.copy(_native.__file__, package)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (path,) = set(re.findall(r"`src/mixot/(families/\S*logistic\.py)`", text))
    (package / path).write_text(blocks("CONTRIBUTING.md")[0], encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_family_of_the_page_keeps_every_law(source):
    options = [
        "-q",
        "-k",
        "logistic",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        f"--config-file={ROOT}/pyproject.toml",
    ]
    code = (FROM + RUN).format(source=str(source), arguments=[*options, *(str(ROOT / path) for path in LAWS)])
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {what: int(n) for n, what in re.findall(r"(\d+) (passed|skipped)", done.stdout.splitlines()[-1])}
    assert counts["passed"] >= 25
    assert not counts.get("skipped")


def test_what_the_family_of_the_page_leaves_out_is_refused_by_name(source):
    code = FROM.format(source=str(source)) + REFUSALS
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if line.partition(":")[0] in code]  # a solver has a banner
    assert told == TOLD.strip().splitlines()
