"""Fits with a prior against those of mclust in R, where it is there: likelihood, BIC, means and covariances."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mixot import EM, fit, read
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM

FAITHFUL = Path(__file__).parents[2] / "docs" / "data" / "old-faithful.csv"
SCRIPT = """
suppressMessages(library(mclust))
x <- as.matrix(read.csv("x.csv", header = FALSE)); z <- unmap(scan("labels.txt", quiet = TRUE))
if (ncol(x) == 1) x <- x[, 1]
exact <- emControl(tol = c(1e-14, 1e-14), itmax = c(1e5, 1e5))
f <- me(modelName = commandArgs(TRUE)[1], data = x, z = z, prior = priorControl(), control = exact)
covs <- f$parameters$variance$sigma
if (f$d == 1) covs <- rep(f$parameters$variance$sigmasq, length.out = f$G)
options(digits = 15)
cat(f$loglik, bic(f$modelName, f$loglik, f$n, f$d, f$G), f$parameters$mean, covs, sep = "\n")
"""


def has_mclust():
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(mclust)"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not has_mclust(), reason="R with mclust is not installed")


def of_mclust(x, labels, model, folder):
    """Log-likelihood, BIC (low is good), means and covariances of mclust's EM from these clusters."""
    np.savetxt(folder / "x.csv", x, delimiter=",", fmt="%.17g")
    np.savetxt(folder / "labels.txt", labels + 1, fmt="%d")
    (folder / "fit.R").write_text(SCRIPT, encoding="utf-8")
    ran = subprocess.run(["Rscript", "fit.R", model], cwd=folder, capture_output=True, text=True, check=True)
    numbers = np.array(ran.stdout.split(), dtype=float)
    d, k = x.shape[1], labels.max() + 1
    return numbers[0], -numbers[1], numbers[2 : 2 + k * d].reshape(k, d), numbers[2 + k * d :].reshape(k, d, d)


@pytest.mark.parametrize(
    ("structure", "model", "d"),
    [
        ("full", "VVV", 2),
        ("tied", "EEE", 2),
        ("diagonal", "VVI", 2),
        ("spherical", "VII", 2),
        ("full", "V", 1),
        ("tied", "E", 1),
    ],
)
def test_fits_are_those_of_mclust(structure, model, d, rng, tmp_path):
    x = np.vstack([rng.normal(size=(15, d)), rng.normal([3, 1][:d], [1, 2][:d], size=(12, d))])
    x = (x - x.mean(axis=0)) / x.std(axis=0)  # mclust gives all coordinates one scale where covariances are diagonal
    labels = np.repeat([0, 1], [15, 12])
    em = GaussianEM.of(x, np.full(27, 1 / 27), structure, 0.0)
    start = em.mixture(em.from_labels(labels, 2))
    method = EM(start=start, prior="fraley-raftery", reg=0.0, tol=1e-15, max_iter=10_000)
    found = fit(x, method=method, structure=structure)
    likelihood, bic, means, covs = of_mclust(x, labels, model, tmp_path)
    assert 27 * found.log_likelihood == pytest.approx(likelihood, abs=1e-5)
    assert found.bic == pytest.approx(bic, abs=1e-4)
    np.testing.assert_allclose(found.mixture.components.mean(), means, atol=1e-5)
    np.testing.assert_allclose(found.mixture.components.cov(), covs, atol=1e-5)


def test_bic_of_old_faithful_is_that_of_mclust(tmp_path):
    x = read(FAITHFUL).points
    found = fit(x, k=2, method=EM(prior="fraley-raftery", tol=1e-12), rng=0)
    labels = found.mixture.predict(x)
    assert found.bic == pytest.approx(of_mclust(x, labels, "VVV", tmp_path)[1], abs=1e-2)  # of 2 345
