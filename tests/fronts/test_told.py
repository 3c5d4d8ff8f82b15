"""What the commands tell people: the numbers of the result, each beside its name, and what was written."""

import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mixot
from mixot import Gaussian, Mixture, load, save
from mixot.cli import app

P = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
Q = Mixture([0.5, 0.5], Gaussian([2.0, 3.0], [0.02, 0.1]))
SIDES = ["p.json (model: 2 components, dimension 1)", "q.json (model: 2 components, dimension 1)"]


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Run ``mixot`` in a folder with two models and a table; the lines it prints, spaces as one."""
    monkeypatch.chdir(tmp_path)
    save(P, "p.json")
    save(Q, "q.json")
    points = np.random.default_rng(0).standard_normal((60, 2))
    np.savetxt("a.csv", points, delimiter=",", header="u,v", comments="")

    def call(words):
        result = CliRunner().invoke(app, words.split(), prog_name="mixot")
        assert result.exit_code == 0, result.output
        return [" ".join(line.split()) for line in result.stdout.splitlines() if line.strip()]

    return call


def test_distance(told):
    lines = told("distance p.json q.json")
    found, interval = mixot.plan(P, Q), mixot.bounds(P, Q)
    assert lines[:2] == SIDES
    assert f"MW2 {found.distance:.10g}" in lines
    assert f"W2 at least {interval.lower:.10g} (proven by: {interval.lower_by})" in lines
    assert f"W2 at most {interval.upper:.10g} (proven by: {interval.upper_by})" in lines


def test_plan(told):
    lines = told("plan p.json q.json -o plan.csv")
    found = mixot.plan(P, Q)
    assert lines[:2] == SIDES
    assert "source target mass cost" in lines
    for i, j in np.argwhere(found.coupling).tolist():
        assert f"{i} {j} {found.coupling[i, j]:.6g} {found.cost_matrix[i, j]:.6g}" in lines
    assert f"MW2 {found.distance:.10g}" in lines
    assert "written plan.csv" in lines


def test_plan_with_mass_made_and_lost(told):
    lines = told("plan p.json q.json --rho 1")
    found = mixot.plan(P, Q, solver=mixot.OMT(rho=1.0))
    for name, side in (("source", 0), ("target", 1)):
        change = found.created[side] - found.destroyed[side]
        parts = " ".join(f"{i}: {value:+.3g}" for i, value in enumerate(change.tolist()) if value != 0)
        assert parts
        assert f"mass made (+) and lost (-) by {name} {parts}" in lines
    assert f"mass moved: {found.coupling.sum():.4g}" in lines


def test_barycenter(told):
    lines = told("barycenter p.json q.json --weights .25 .75 -o mean.json")
    found = mixot.barycenter([P, Q], [0.25, 0.75])
    assert "0.25 p.json (model: 2 components, dimension 1)" in lines
    assert "0.75 q.json (model: 2 components, dimension 1)" in lines
    head = lines.index("mass at of input 1 of input 2")
    order = np.argsort(-found.plan.weights, kind="stable")
    for line, s in zip(lines[head + 1 :], order, strict=False):
        assert line == f"{found.plan.weights[s]:.4f} {found.labels[s]} {found.tuples[s, 0]} {found.tuples[s, 1]}"
    assert f"components {len(found.mixture)}" in lines
    assert f"objective {found.objective:.10g}" in lines
    assert any(line.startswith(f"at least {found.lower_bound:.10g} (proven: gap") for line in lines)
    assert "status optimal" in lines
    assert "written mean.json" in lines
    assert "figure mean.png" in lines


def test_fit(told):
    lines = told("fit a.csv -k 2 --seed 1 -o m.json")
    found = load("m.json")
    spreads = np.sqrt(np.einsum("kii->ki", found.components.cov()))
    assert "weight u v" in lines
    for weight, mean, spread in zip(found.weights, found.components.mean(), spreads, strict=True):
        u, v = (f"{m:.4g} ± {s:.2g}" for m, s in zip(mean, spread, strict=True))
        assert f"{weight:.4f} {u} {v}" in lines
    assert "model m.json" in lines
    unsaved = told("fit a.csv -k 2 --seed 1")
    assert unsaved[:-1] == lines[:-1]
    assert unsaved[-1] == "model not saved; add -o model.json"


def test_components(told):
    told("components a.csv a.csv --k-max 2 --splits 2 -o .")
    lines = told("components a.csv a.csv --k-max 2 --splits 2 -o .")
    title = next(line for line in lines if line.startswith("a.csv and a.csv: 4 pairs were tried"))
    assert "within one standard error of the lowest" in " ".join(lines[lines.index(title) : lines.index(title) + 2])
    assert any(re.fullmatch(r"chosen \d components and \d", line) for line in lines)
    for name, file in {"source": "source.json", "target": "target.json", "table": "candidates.csv"}.items():
        assert f"{name} {file}" in lines
    assert "figure components.png" in lines


def test_geodesic(told):
    lines = told("geodesic p.json q.json --steps 3 -o path")
    path = mixot.geodesic(P, Q)
    assert lines[:2] == SIDES
    for step, t in enumerate((0, 0.5, 1)):
        assert f"t = {t:g} path/step-{step}.json" in lines
        np.testing.assert_array_equal(load(f"path/step-{step}.json").mean(), path(float(t)).mean())
    assert "figure path/geodesic.png" in lines
    assert f"MW2 {mixot.distance(P, Q):.10g}" in lines


def test_recolor_and_quantize(told):
    colors = np.random.default_rng(1).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    Image.fromarray(colors).save("a.png")
    Image.fromarray(255 - colors).save("b.png")
    lines = told("recolor a.png --palette b.png -k 2 -o c.png")
    assert "a.png in the colors of b.png" in lines
    assert "picture 12 x 9, 8 bits" in lines
    assert "written c.png" in lines
    lines = told("quantize a.png -n 12 -o dots.csv")
    assert "a.png in 12 dots" in lines
    assert "written dots.csv" in lines


def test_fit_of_many_columns_shows_the_first_five(told):
    for dim in (5, 6):
        np.savetxt("wide.csv", np.random.default_rng(0).standard_normal((40, dim)), delimiter=",")
        lines = told("fit wide.csv -k 1")
        assert "weight x1 x2 x3 x4 x5" in lines
        more = " of the first 5 columns" if dim == 6 else ""
        assert f"components: mean ± standard deviation{more}" in lines


def test_fit_by_moments(told):
    lines = told("fit a.csv --columns u --method moments --distance w2 --order 2 -k 1")
    assert any(re.fullmatch(r"flat (yes|no), ranks \d+ and \d+, order \d+", line) for line in lines)
