"""Fitters by name: one module is imported to find one, and a file in the folder is all that a new one takes."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

import mixot.fitting
from mixot import EM, Fit, fit
from mixot._registry import modules_by_name
from mixot.fitting import base
from mixot.fitting.base import Fitter, as_fitter, register_fitter

HOMES = {
    "em": "mixot.fitting.likelihood.em",
    "family-em": "mixot.fitting.likelihood.family_em",
    "moment-matching": "mixot.fitting.moments.moment_matching",
    "moments": "mixot.fitting.moments.moment_sos",
    "wasserstein": "mixot.fitting.wasserstein.minimum_wasserstein",
}
NEW = """
from mixot.fitting.base import register_fitter
from mixot.fitting.likelihood.em import EM


@register_fitter("patient-em")
class PatientEM(EM):
    pass
"""


def modules_after(code):
    """The modules of mixot that a fresh interpreter has loaded after ``code``."""
    probe = f"{code}\nimport sys\nprint(*[name for name in sys.modules if name.startswith('mixot.')])"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.fixture
def names(monkeypatch):
    """A registry that forgets after the test what was enrolled in it."""
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))


def test_a_fit_by_name_loads_what_a_fit_by_object_loads():
    data = "from mixot import EM, fit; x = [[0.0], [1.0], [5.0], [6.5]]"
    by_name, by_object = (modules_after(f"{data}; fit(x, k=2, method={method})") for method in ('"em"', "EM()"))
    assert by_name == by_object
    others = {"mixot.fitting.moments", "mixot.fitting.wasserstein", "mixot.fitting.joint", "mixot.sos"}
    assert not by_name & others


@pytest.mark.parametrize("name", HOMES)
def test_each_name_is_found_where_it_is_enrolled(name):
    assert type(as_fitter(name)).__module__ == modules_by_name("mixot.fitting", "register_fitter")[name] == HOMES[name]


def test_an_unknown_name_lists_all_names_in_a_fresh_interpreter():
    code = "from mixot import fit\ntry: fit([0.0, 1.0], k=1, method='nope')\nexcept ValueError as error: print(error)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert told == f"unknown method 'nope'; methods are {', '.join(sorted(HOMES))}, or a fitter object"


def test_a_fitter_from_elsewhere_is_enrolled_by_its_decorator(names):
    @register_fitter("mean-only")
    @dataclass(frozen=True)
    class MeanOnly:
        def fit(self, data, family, *, k=None, structure="full", rng=None, progress=None) -> Fit:
            return EM().fit(data, family, k=1, structure=structure, rng=rng, progress=progress)

    assert isinstance(as_fitter("mean-only"), Fitter)
    assert len(fit([0.0, 1.0, 7.0], k=3, method="mean-only").mixture) == 1


def test_a_new_file_in_the_folder_is_all_it_takes(names, tmp_path, monkeypatch):
    (tmp_path / "patient_em.py").write_text(NEW, encoding="utf-8")
    monkeypatch.setattr(mixot.fitting, "__path__", [*mixot.fitting.__path__, str(tmp_path)])
    assert type(as_fitter("patient-em")).__module__ == "mixot.fitting.patient_em"
    monkeypatch.delitem(sys.modules, "mixot.fitting.patient_em")
    monkeypatch.delattr(mixot.fitting, "patient_em")


def test_a_fitter_whose_source_is_not_at_hand_is_found_all_the_same():
    code = (
        "import mixot._registry as registry; registry.modules_by_name = lambda package, decorator: {}\n"
        "from mixot import fit; print(*fit([0.0, 1.0, 5.0], k=1, method='em').mixture.mean())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "2.0\n"
