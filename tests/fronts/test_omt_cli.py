"""Smooth plans on the command line."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from typer.testing import CliRunner

from mixot import OMT, Gaussian, Mixture, plan, plot, save
from mixot.cli import app

P = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
Q = Mixture([0.5, 0.5], Gaussian([2.0, 3.0], [0.02, 0.1]))


def flat(mixture):
    """The same in the plane, with a second coordinate of no interest."""
    means, covs = mixture.components.means, mixture.components.covs[:, 0, 0]
    return Mixture(mixture.weights, Gaussian(np.c_[means, 0 * means], covs[:, None, None] * np.eye(2)))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run ``mixot`` in a folder with two models."""
    monkeypatch.chdir(tmp_path)
    save(P, tmp_path / "p.json")
    save(Q, tmp_path / "q.json")

    def call(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words], prog_name="mixot")
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.mark.parametrize(
    ("words", "solver"),
    [
        (["--lam", "auto"], OMT()),
        (["--lam", "0.5", "--eps", "0.1"], OMT(lam=0.5, eps=0.1)),
        (["--rho", "2"], OMT(rho=2.0)),
        (["--lam", "1", "--rho", "2,inf"], OMT(lam=1.0, rho=(2.0, np.inf))),
        (["--lam", "0"], OMT(lam=0.0)),
    ],
)
def test_plans_are_those_of_the_library(words, solver, run):
    facts = json.loads(run("plan", "p.json", "q.json", *words, "--json").stdout)
    found = plan(P, Q, solver=solver)
    for entry in facts["plan"]:
        assert entry["mass"] == pytest.approx(found.coupling[entry["source"], entry["target"]], rel=1e-12)
    assert facts["lam"] == found.lam
    assert facts["primal"] == pytest.approx(found.primal)
    assert facts["stability"]["margin"] == pytest.approx(found.stability().margin)
    assert ("created" in facts) == (not found.balanced)
    apart = json.loads(run("distance", "p.json", "q.json", *words, "--json").stdout)
    assert apart["distance"] == pytest.approx(found.distance)
    assert apart["stability"] == facts["stability"]


def test_people_are_told_how_stable_it_is(run):
    for command in ("plan", "distance"):
        text = run(command, "p.json", "q.json", "--lam", "auto").stdout
        assert "OMT" in text
        assert "stability of the plan, lam = 0.024" in text
        assert "MW2" not in text
        text = run(command, "p.json", "q.json", "--rho", "1,inf").stdout
        assert "mass made (+) and lost (-) by source" in text
        assert "stability" not in run(command, "p.json", "q.json").stdout


def test_bad_options_are_refused(run):
    assert "expected a number, got 'x'" in run("plan", "p.json", "q.json", "--lam", "x", code=2).output
    assert "one number or two" in run("plan", "p.json", "q.json", "--rho", "1,2,3", code=2).output
    assert "rho must be positive" in run("plan", "p.json", "q.json", "--rho", "-1", code=1).output
    assert "lam must be finite" in run("plan", "p.json", "q.json", "--lam", "nan", code=1).output


def test_options_that_exclude_each_other_are_refused(run):
    for command in ("plan", "distance"):
        assert "leave out one of the two" in run(command, "p.json", "q.json", "--lam", "1", "--exact", code=1).output
    text = run("plan", "p.json", "q.json", "--eps", "1", "--label", "type", "--growth", code=1).output
    assert "say it there: --rho NUMBER,inf" in text


def test_figures_and_labels_name_what_the_plan_is(run, tmp_path):
    run("plan", "p.json", "q.json", "--lam", "auto", "-o", "plan.svg")
    assert "MW2" not in (tmp_path / "plan.svg").read_text()
    for solver, name in ((None, "MW2"), (OMT(), "OMT"), (OMT(cost="kl"), "OMT (KL)")):
        found = plan(P, Q, solver=solver)
        for ax in (plot.plan_heatmap(found), plot.plan_lines(flat(P), flat(Q), found)):
            assert ax.get_title() == f"{name} = {found.distance:.4g}"
            plt.close(ax.figure)
