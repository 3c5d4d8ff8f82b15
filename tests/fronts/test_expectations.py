"""The table of docs/expectations.md: a snippet for each row, which is run; rows and snippets have the same names."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "expectations.md"
SHOWN = {
    cells[0]: cells[1:]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| what ")
    for cells in [[cell.strip() for cell in line.strip("|").split(" | ")]]
}
PRELUDE = """
import numpy as np
import mixot
from mixot import *
from mixot.sklearn import EMMixture, MixtureAligner, MixtureDistance
rng = np.random.default_rng(0)
x = rng.normal(size=(120, 2)) + 5.0 * (np.arange(120) % 2)[:, None]
p = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [5.0, 5.0]], [np.eye(2)] * 2))
q = Mixture([0.3, 0.7], Gaussian([[1.0, 0.0], [9.0, 5.0]], [np.eye(2)] * 2))
"""
NEEDS = {"gradients in PyTorch": "torch", "gradients in JAX": "jax", "single cells": "anndata"}
RUN = {
    "fit a Gaussian mixture": """
assert len(fit(x, k=2, rng=0).mixture) == len(EMMixture(2).fit(x).mixture_) == 2
""",
    "choose K": """
assert len(fit(x, rng=0).mixture) == 2 == len(fit(x, method=EM(criterion="icl"), rng=0).mixture)
""",
    "BIC and AIC on the usual scale": """
found = fit(x, k=2, rng=0)
assert np.isclose(found.bic, EMMixture(2, random_state=0).fit(x).bic(x))
assert found.aic < found.bic
""",
    "structures of covariances": """
for s in ("full", "tied", "EEV", "VVI", "auto"):
    assert len(fit(x, k=2, structure=s, rng=0).mixture) == 2
""",
    "weights of rows": """
assert np.allclose(fit([[0.0], [1.0]], k=1, counts=[3, 1]).mixture.mean(), 0.25)
EMMixture(1).fit(x, sample_weight=np.ones(len(x)))
""",
    "starts that are given": """
assert EMMixture(means_init=[[0.0, 0.0], [5.0, 5.0]]).fit(x).means_[0, 0] < 1
fit(x, method=EM(start=p))
""",
    "warm starts": """
found = EMMixture(2, warm_start=True).fit(x)
assert found.fit(x).n_iter_ <= 3
""",
    "several starts, the best kept": """
assert EM().starts == EMMixture().n_init == 10
""",
    "probabilities of components": """
assert np.allclose(p.responsibilities(x).sum(axis=1), 1)
""",
    "labels": """
assert p.predict(x).shape == (len(x),)
""",
    "log-densities of new rows": """
assert np.allclose(np.exp(p.log_density(x)), p.density(x))
""",
    "draws with their components": """
draws, labels = EMMixture(2).fit(x).sample(10)
assert draws.shape == (10, 2) and labels.shape == (10,)
""",
    "marginals, affine images, moments, quantiles": """
assert p.marginal([0]).quantile([0.5]).shape == (1,)
assert p.affine(2.0, 1.0).moments(2).order == 2
""",
    "a single component, and some": """
assert len(p[0]) == 1 and len(p[[0, 1]]) == 2
""",
    "mixtures of other laws": """
assert fit([0, 1, 0, 9, 8, 10], "poisson", k=2, rng=0).mixture.components.name == "poisson"
""",
    "columns of different kinds": """
mixed = np.column_stack([rng.normal(size=50), rng.poisson(3.0, 50)])
assert fit(mixed, "gaussian,poisson", k=1).mixture.dim == 2
""",
    "heavy tails": """
assert fit(rng.standard_t(3.0, size=(200, 1)), "student", k=1, rng=0).mixture.components.name == "student"
""",
    "a fit from moments alone, with a bound": """
found = fit(Mixture([0.3, 0.7], Poisson([2.0, 9.0])).moments(8), "poisson", method=MomentSOS(order=4))
assert found.flat
""",
    "a fit of least W2": """
assert fit(x[:60, :1], k=1, method="wasserstein").distance > 0
""",
    "W2 of two Gaussians": """
assert distance(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([3.0], [25.0]))) == 5.0
""",
    "distance of two mixtures": """
assert distance(p, q) > 0
""",
    "proof that a plan is optimal": """
assert 0 <= plan(p, q).gap < 1e-9
""",
    "W2 itself between mixtures": """
found = bounds(p, q)
assert 0 < found.lower <= found.upper <= distance(p, q) + 1e-9
""",
    "exact W2 of points": """
assert np.isclose(distance(Samples([0.0, 1.0]), Samples([2.0, 3.0])), 2.0)
""",
    "all pairs at once": """
assert distances([p, q, p]).shape == (3, 3)
""",
    "barycenters": """
assert barycenter([p, q]).gap < 1e-9
""",
    "geodesics": """
assert np.isclose(distance(p, geodesic(p, q)(0.5)), distance(p, q) / 2)
""",
    "maps of new points": """
assert transport_map(p, q)(x).shape == x.shape
""",
    "the law of y given x under a plan": """
assert len(transport_map(p, q).conditional(x[0])) >= 1
""",
    "domain adaptation, with labels, and back": """
moved = MixtureAligner(n_components=1).fit(Xs=x, ys=x[:, 0] > 2, Xt=x + 1, yt=x[:, 0] > 2).transform(x)
assert np.abs(moved - x - 1).max() < 0.1
""",
    "class-regularised adaptation": """
assert not hasattr(MixtureAligner(), "reg_cl")
""",
    "points against a density, exactly": """
assert plan(Samples([[0.2, 0.2], [0.8, 0.8]]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]])).gap < 1e-6
""",
    "entropic plans": """
assert plan(p, q, solver=OMT(lam=0.5)).coupling.min() > 0
""",
    "unbalanced plans": """
assert plan(p, q, solver=OMT(lam=0.5, rho=1.0)).destroyed[0].max() > 0
""",
    "partial plans, of a share of the mass": """
found = plan(p, q, mass=0.7)
assert np.isclose(found.coupling.sum(), 0.7) and 0 < found.cost < plan(p, q).cost
""",
    "Gromov-Wasserstein": """
assert not [name for name in mixot.__all__ if "gromov" in name.lower()]
""",
    "sliced distances": """
both = [sliced_distance(p, other, directions=20, rng=0) for other in (q, Samples(x))]
assert 0 < min(both) and both[0] < distance(p, q)
""",
    "low-rank plans of many points": """
assert not [name for name in mixot.__all__ if "rank" in name.lower()]
""",
    "neural maps": """
assert not [name for name in mixot.__all__ if "neural" in name.lower()]
""",
    "Dirichlet priors on weights": """
few = np.concatenate([np.zeros((30, 1)), np.full((3, 1), 9.0)]) + np.arange(33.0)[:, None] / 33
even = fit(few, k=2, method=EM(concentration=5.0), rng=0).mixture.weights
assert abs(np.sort(even)[0] - 7 / 41) < 1e-3
assert EMMixture(2, weight_concentration_prior=5.0, random_state=0).fit(few).weights_.tolist() == even.tolist()
""",
    "gradients in PyTorch": """
import torch
import mixot.torch as mt
t = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
mt.cost(t, torch.ones(3, 2, dtype=torch.float64)).backward()
assert t.grad.abs().sum() > 0
""",
    "gradients in JAX": """
import jax
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import mixot.jax as mj
assert jnp.abs(jax.grad(mj.cost)(jnp.zeros((3, 2)), jnp.ones((3, 2)))).sum() > 0
""",
    "GPU": """
assert not [name for name in dir(mixot._native) if "cuda" in name.lower()]
""",
    "float32": """
assert transport_map(p, q)(x.astype(np.float32)).dtype == np.float32
""",
    "saving without pickle": """
save(p, "p.json")
assert distance(load("p.json"), p) == 0
""",
    "data frames, names kept": """
import pandas as pd
assert fit(pd.DataFrame(x, columns=["a", "b"]), k=1).mixture.columns == ("a", "b")
""",
    "pipelines and searches": """
from sklearn.pipeline import make_pipeline
assert make_pipeline(MixtureAligner(), EMMixture(1)).fit(x).score(x) < 0
""",
    "a command line": """
np.savetxt("x.csv", x, delimiter=",")
from typer.testing import CliRunner
from typer.main import get_command
from mixot.cli import app
assert CliRunner().invoke(app, ["fit", "x.csv", "-k", "1", "-o", "m.json"]).exit_code == 0
""",
    "reading files": """
np.savetxt("y.csv", x, delimiter=",")
assert read("y.csv").points.shape == x.shape
""",
    "missing values": """
assert len(fit([[0.0, 1.0], [np.nan, 3.0], [2.0, 2.5]], k=1, method=EM(missing="ignore")).mixture) == 1
try:
    fit([[0.0], [np.nan]])
except InputError as wrong:
    assert "NaN" in str(wrong)
else:
    raise AssertionError
""",
    "one component or several, a p-value": """
assert test_one_component(x, rng=0).p_value < 0.05
""",
    "two samples, an interval of their distance": """
assert two_sample_test(x[:, :1], x[:, :1] + 3, rng=0).p_value < 0.05
""",
    "how much any K could gain over a fit": """
counts = rng.poisson(4.0, 60)
assert certify(counts, fit(counts, "poisson", k=1)).upper_bound is not None
""",
    "progress, and Ctrl-C": """
ticks = []
fit(x, k=2, rng=0, progress=ticks.append)
assert ticks
""",
    "more rows later (`partial_fit`)": """
assert not hasattr(EMMixture(), "partial_fit")
""",
    "single cells": """
import importlib.util
assert importlib.util.find_spec("mixot.anndata")
""",
    "types that a checker knows": """
from pathlib import Path
assert (Path(mixot.__file__).parent / "py.typed").exists()
""",
}


def test_the_page_has_these_rows_and_no_others():
    assert list(SHOWN) == list(RUN)
    assert len(RUN) >= 40
    assert {len(cells) for cells in SHOWN.values()} == {4}


@pytest.mark.parametrize("what", RUN)
def test_mixot_does_what_the_row_says(what, tmp_path, monkeypatch):
    if what in NEEDS:
        pytest.importorskip(NEEDS[what])
    monkeypatch.chdir(tmp_path)
    assert SHOWN[what][0].startswith("no") == ("assert not" in RUN[what])
    assert re.search("assert", RUN[what])
    exec(compile(PRELUDE + RUN[what], what, "exec"), {})
