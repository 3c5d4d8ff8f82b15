"""Fits to gaps and to noisy rows, from start to end: what they find, and what must not matter to them."""

import json
import subprocess
import sys

import numpy as np
import pytest

import mixot
from mixot import EM, Gaussian, Incomplete, InputError, Mixture, Samples

IGNORE = EM(missing="ignore")
LAW = Mixture(
    [0.4, 0.6],
    Gaussian([[0.0, 0.0, 0.0], [4.0, 3.0, -2.0]], [np.eye(3) + 0.6 * (1 - np.eye(3)), np.diag([1.0, 0.5, 2.0])]),
)


def gaps(n, share, rng):
    x = LAW.sample(n, rng=rng)
    return np.where(rng.random(x.shape) < share, np.nan, x)


def sorted_by_mean(mixture):
    order = np.argsort(mixture.components.means[:, 0])
    return mixture[order]


def assert_close(p, q, tol):
    p, q = sorted_by_mean(p), sorted_by_mean(q)
    np.testing.assert_allclose(p.weights, q.weights, atol=tol)
    np.testing.assert_allclose(p.components.means, q.components.means, atol=tol)
    np.testing.assert_allclose(p.components.covs, q.components.covs, atol=tol)


def test_gaps_cost_less_than_the_rows_they_stand_in(rng):
    held = LAW.sample(4000, rng=rng)
    ignored, dropped = [], []
    for seed in range(4):
        points = Incomplete(gaps(500, 0.35, rng))
        ignored.append(mixot.fit(points, k=2, method=IGNORE, rng=seed).mixture.log_density(held).mean())
        dropped.append(mixot.fit(points.complete(), k=2, rng=seed).mixture.log_density(held).mean())
    assert np.mean(ignored) > np.mean(dropped)
    assert LAW.log_density(held).mean() - np.mean(ignored) < 0.05


def test_values_that_are_missing_at_random_bend_complete_rows_only(rng):
    x = LAW.sample(4000, rng=rng)
    x[x[:, 0] > 2.0, 1] = np.nan  # what is missing depends on what is seen
    method = EM(missing="ignore", tol=1e-9)  # EM is slow where 60 % are missing, and the default ends .06 earlier
    mixture = mixot.fit(x, k=1, method=method, rng=0).mixture
    assert abs(mixture.mean()[1] - LAW.mean()[1]) < 0.15
    assert Incomplete(x).complete().mean()[1] < LAW.mean()[1] - 1.0


def test_the_number_of_components_is_chosen_by_bic_of_rows(rng):
    fit = mixot.fit(gaps(600, 0.25, rng), method=EM(missing="ignore", k_max=4), rng=0)
    assert len(fit.mixture) == 2
    free = fit.n_parameters
    assert fit.criterion == pytest.approx(-2 * fit.log_likelihood + free * np.log(fit.observations) / fit.observations)


def test_the_order_of_rows_and_columns_and_units_do_not_matter(rng):
    x = gaps(400, 0.3, rng)
    x = x[~np.isnan(x).all(axis=1)]
    noise = rng.uniform(0.05, 0.3, x.shape)
    start = Mixture([0.5, 0.5], Gaussian([[1.0, 1.0, 0.0], [3.0, 2.0, -1.0]], [np.eye(3)] * 2))
    fixed = {"missing": "ignore", "tol": 0.0, "max_iter": 30}
    fit = mixot.fit(x, method=EM(**fixed, noise=noise, start=start)).mixture
    rows, axes = rng.permutation(len(x)), [2, 0, 1]
    other = mixot.fit(x[rows], method=EM(**fixed, noise=noise[rows], start=start)).mixture
    assert_close(other, fit, 1e-9)
    turned = mixot.fit(x[:, axes], method=EM(**fixed, noise=noise[:, axes], start=start.marginal(axes))).mixture
    assert_close(turned.marginal([1, 2, 0]), fit, 1e-9)
    units, shift = np.array([1e6, 1.0, 1e-3]), np.array([5.0, -3.0, 0.0])
    scaled = start.affine(np.diag(units), shift)
    grown = mixot.fit(x * units + shift, method=EM(**fixed, noise=noise * units**2, start=scaled)).mixture
    assert_close(grown.affine(np.diag(1 / units), -shift / units), fit, 1e-7)


def test_weights_and_counts_are_rows(rng):
    x = gaps(150, 0.3, rng)
    x = x[~np.isnan(x).all(axis=1)]
    counts = rng.integers(0, 4, len(x))
    em = EM(missing="ignore", start=LAW, tol=0.0, max_iter=20)
    counted = mixot.fit(Incomplete(x, counts=counts), method=em)
    repeated = mixot.fit(np.repeat(x, counts, axis=0), method=em)
    assert_close(counted.mixture, repeated.mixture, 1e-9)
    assert counted.observations == repeated.observations == counts.sum()
    assert counted.criterion == pytest.approx(repeated.criterion, abs=1e-9)


def test_known_noise_is_taken_off(rng):
    true = LAW.sample(3000, rng=rng)
    noise = rng.uniform(0.1, 1.5, true.shape)
    x = true + np.sqrt(noise) * rng.standard_normal(true.shape)
    sharp, blurred = mixot.fit(x, k=2, method=EM(noise=noise), rng=0).mixture, mixot.fit(x, k=2, rng=0).mixture
    assert_close(sharp, LAW, 0.3)
    assert np.trace(blurred.cov() - LAW.cov()) > 1.5
    full = mixot.fit(x, k=2, method=EM(noise=noise[:, :, None] * np.eye(3), start=sharp, tol=0.0, max_iter=2)).mixture
    vectors = mixot.fit(x, k=2, method=EM(noise=noise, start=sharp, tol=0.0, max_iter=2)).mixture
    assert_close(full, vectors, 1e-10)


@pytest.mark.parametrize("model", ["VEE", "EEV", "EVI", "EII"])
def test_models_of_covariances_hold_with_gaps(model, rng):
    x = gaps(200, 0.3, rng)
    fit = mixot.fit(x, k=2, structure=model, method=EM(missing="ignore", tol=0.0, max_iter=30), rng=0)
    assert np.diff(fit.history).min(initial=0.0) >= -1e-10
    whole = LAW.sample(200, rng=rng)
    start = mixot.fit(whole, k=2, structure=model, rng=0).mixture
    plain = EM(start=start, tol=0.0, max_iter=3).fit(Samples(whole), "gaussian", structure=model)
    part = EM(start=start, tol=0.0, max_iter=3, noise=[0.0] * 3).fit(Samples(whole), "gaussian", structure=model)
    np.testing.assert_allclose(part.history, plain.history, atol=1e-12)


@pytest.mark.parametrize(
    ("structure", "shown", "noted"), [("full", 3, 1), ("full", 4, 0), ("tied", 3, 1), ("tied", 4, 0)]
)
def test_a_coordinate_that_few_rows_show_is_noted(structure, shown, noted, rng):
    """Three rows of three coordinates are fitted exactly by a regression on the other two: no likelihood is highest."""
    x = rng.standard_normal((80, 3))
    x[shown:, 2] = np.nan
    found = mixot.fit(x, k=1, method=IGNORE, structure=structure, rng=0)
    assert sum("determine" in text for text in found.notes) == noted, found.notes
    called = mixot.Incomplete(x, columns=["u", "v", "w"])
    again = mixot.fit(called, k=1, method=IGNORE, structure=structure, rng=0)
    for fit, name in ((found, "2"), (again, "'w'")):
        assert sum(f"(column {name})" in text for text in fit.notes) == noted, fit.notes


def test_names_of_columns_stay(rng):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(gaps(100, 0.2, rng), columns=["a", "b", "c"])
    fit = mixot.fit(frame, k=1, method=IGNORE)
    assert fit.mixture.columns == ("a", "b", "c")
    assert "'a' " in fit.notes[0]


def test_the_command_takes_gaps_where_it_is_told_to(tmp_path, rng):
    x = gaps(120, 0.2, rng)
    words = ["", "NA", "nan", "null", " ? "]
    lines = [",".join(words[at % 5] if np.isnan(v) else repr(float(v)) for at, v in enumerate(row)) for row in x]
    path = tmp_path / "gaps.csv"
    path.write_text("a,b,c\n" + "\n".join(lines) + "\n")
    found = mixot.read(path, missing="ignore")
    np.testing.assert_array_equal(found.points, x)
    with pytest.raises(InputError, match=r"column 'a' on .*--missing ignore"):
        mixot.read(path)
    run = [sys.executable, "-m", "mixot", "fit", str(path), "-k", "2", "--missing", "ignore", "--json"]
    told = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert told["fit"]["status"] == "converged"
    assert f"{np.isnan(x).sum()} of 360 values are missing" in told["fit"]["notes"][0]
