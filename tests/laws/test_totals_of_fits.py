"""Information criteria in the field's scale: totals, of every fitter and family, also of what was not chosen."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mixot import (
    EM,
    FamilyEM,
    Gaussian,
    Mixture,
    MomentMatching,
    MomentSOS,
    Poisson,
    Samples,
    fit,
)

NAMES = ["length", "width"]


def assert_scored(found, rows):
    """Totals agree with the criterion per row, and candidates keep the mixtures they speak of."""
    assert found.observations == pytest.approx(rows)
    assert found.n_parameters > 0
    log_likelihood = found.log_likelihood * rows
    assert found.bic == pytest.approx(found.criterion * rows, rel=1e-12)
    assert found.bic == pytest.approx(-2 * log_likelihood + found.n_parameters * np.log(rows), rel=1e-12)
    assert found.aic == pytest.approx(-2 * log_likelihood + 2 * found.n_parameters, rel=1e-12)
    for each in found.candidates:
        assert len(each.mixture) == each.k
        assert each.mixture.columns == found.mixture.columns
        assert each.bic == pytest.approx(each.criterion * rows, rel=1e-9)
        assert each.aic - each.bic == pytest.approx(each.n_parameters * (2 - np.log(rows)))


@pytest.fixture
def points(rng):
    return np.vstack([rng.normal(size=(60, 2)), rng.normal(8, 1, size=(40, 2))])


@pytest.mark.parametrize(
    ("structure", "each", "shared"), [("full", 5, 0), ("diagonal", 4, 0), ("spherical", 3, 0), ("tied", 2, 3)]
)
@pytest.mark.parametrize(
    "method",
    [EM(), MomentMatching(order=3), MomentMatching(order=3, refine="kmeans"), MomentMatching(order=3, refine=None)],
)
def test_numbers_of_parameters_by_structure(points, method, structure, each, shared):
    if structure == "tied" and not isinstance(method, EM):
        pytest.skip("moments have no such structure")
    found = fit(points, k=2, structure=structure, method=method, rng=0)
    assert found.n_parameters == 1 + 2 * each + shared
    assert_scored(found, 100)


def test_candidates_keep_their_mixtures(points):
    found = fit(Samples(points, columns=NAMES), method=EM(k_max=3), rng=0)
    assert_scored(found, 100)
    assert len(found.candidates) == 3
    for each in found.candidates:
        assert each.mixture.log_density(points).mean() == pytest.approx(each.log_likelihood, abs=1e-9)
    best = min(found.candidates, key=lambda each: each.bic)
    assert (best.k, best.bic) == (len(found.mixture), found.bic)


@pytest.mark.parametrize(
    ("method", "free"),
    [("wasserstein", 11), (MomentSOS(order=2, refine="em"), 11), (MomentSOS(order=2, refine=None), 11)],
)
def test_other_fitters_count_alike(points, method, free):
    found = fit(points, k=2, method=method, rng=0)
    assert found.n_parameters == free
    assert found.bic == pytest.approx(found.criterion * found.observations, rel=1e-12)


@pytest.mark.parametrize(
    ("law", "fixed", "free"),
    [
        ("poisson", {}, 3),
        ("gamma", {}, 5),
        ("gamma", {"shapes": 2.0}, 3),
        ("student", {"df": 5.0}, 5),
        ("poisson,exponential", {}, 5),
    ],
)
def test_families_count_what_is_free(rng, law, fixed, free):
    counts = np.concatenate([rng.poisson(2.0, 60), rng.poisson(30.0, 40)]) + 1.0
    data = np.column_stack([counts, counts + rng.exponential(size=100)]) if "," in law else counts
    found = fit(data, law, k=2, method=FamilyEM(fixed=fixed, tol=1e-6), rng=0)
    assert found.n_parameters == free
    assert_scored(found, 100)


def test_a_histogram_is_scored_as_its_rows(rng):
    values, counts = np.unique(np.round(rng.normal(size=200), 1), return_counts=True)
    binned, plain = fit(values, k=1, counts=counts), fit(np.repeat(values, counts), k=1)
    assert binned.observations == plain.observations == 200
    assert binned.bic == pytest.approx(plain.bic, rel=1e-9)


def test_directions_without_rows_are_no_parameters(rng):
    x = rng.normal(size=(50, 2))
    sums = fit(np.column_stack([x, x.sum(axis=1)]), k=1, rng=0)
    assert sums.n_parameters == fit(x, k=1, rng=0).n_parameters == 5


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")
def test_columns_that_came_back_have_mixtures_of_all_columns(points):
    found = fit(np.column_stack([points, np.full(100, 7.0)]), method=MomentSOS(order=2, k_max=2), rng=0)
    assert {each.mixture.dim for each in found.candidates} == {3}
    assert found.bic == pytest.approx(found.criterion * 100, rel=1e-12)


@pytest.mark.parametrize("method", [MomentSOS(order=3), MomentMatching()])
def test_moments_alone_have_no_likelihood_and_no_criteria(method):
    law = Mixture([0.3, 0.7], Gaussian([-1.0, 1.0], [0.2, 0.5]))
    found = fit(law.moments(6 if isinstance(method, MomentSOS) else 10), method=method, k=2, rng=0)
    assert np.isnan([found.bic, found.aic]).all()
    assert found.n_parameters == 5
    assert all(np.isnan(each.bic) and len(each.mixture) == each.k for each in found.candidates)


def test_poisson_from_moments_alone_counts_its_rates():
    found = fit(Mixture([0.25, 0.75], Poisson([2.0, 9.0])).moments(8), "poisson", method=MomentSOS(order=4))
    assert found.n_parameters == 3
    assert np.isnan(found.bic)


def test_the_command_tells_totals(points, tmp_path):
    table = tmp_path / "a.csv"
    np.savetxt(table, points, delimiter=",", header="length,width", comments="")
    command = [sys.executable, "-m", "mixot", "fit", str(table), "--k-max", "2"]
    shown = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)["fit"]
    rows, free = shown["observations"], shown["n_parameters"]
    assert rows == 100
    assert free == 11
    assert shown["bic"] == pytest.approx(100 * shown["criterion"])
    assert shown["aic"] == pytest.approx(shown["bic"] + free * (2 - np.log(100)))
    assert [each["k"] for each in shown["candidates"]] == [1, 2]
    assert shown["candidates"][1]["bic"] == pytest.approx(shown["bic"])
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{shown['bic']:.6g} in all (11 parameters)" in said
