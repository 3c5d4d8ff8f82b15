"""Refinements stay in a region that is given: closed forms of one component, membership, likelihoods that grow."""

import numpy as np
import pytest

from mixot import MomentSOS, SampleMoments, Samples, fit
from mixot.families.registry import lookup
from mixot.fitting.moments.region_of_answer import parameters_of
from mixot.fitting.moments.within_region import Confined
from mixot.formulas.polynomial.regions import Box, Inequality, contains


def pair():
    rng = np.random.default_rng(0)
    return rng.normal(rng.choice([-3, 3], 500), 1.0)


def inside(found, model, region):
    theta = parameters_of(model, region, found.mixture.components)
    return contains(region, theta, model.degrees, 1e-6).all()


@pytest.mark.parametrize(
    ("name", "structure", "options", "wide", "narrow"),
    [
        ("gaussian", "full", {}, Box([-5.0, 0.01], [5.0, 4.0]), Box([-2.6, 0.01], [2.6, 4.0])),
        ("gaussian", "full", {"refine": "kmeans"}, Box([-5.0, 0.01], [5.0, 4.0]), Box([-5.0, 1.3], [5.0, 4.0])),
        ("gaussian", "diagonal", {}, Box([-5.0, 0.1], [5.0, 2.0]), Box([-5.0, 0.1], [5.0, 0.9])),
        ("poisson", "full", {}, Box([0.5], [25.0]), Box([0.5], [18.0])),
        (
            "gaussian",
            "full",
            {},
            (Box([-5.0, 0.01], [5.0, 4.0]), Inequality(lambda m, v: m**2 - 1)),
            (Box([-5.0, 0.01], [5.0, 4.0]), Inequality(lambda m, v: m**2 - 12)),
        ),
    ],
)
def test_what_starts_are_refined_to_stays_in_the_given_support(name, structure, options, wide, narrow):
    x = np.random.default_rng(0).poisson(np.repeat([3.0, 20.0], 250)).astype(float) if name == "poisson" else pair()
    model = lookup("diagonal" if structure == "diagonal" else name).moment_model(1)
    free, kept = (
        fit(x, name, structure=structure, method=MomentSOS(support=region, max_order=4, **options), rng=0)
        for region in (wide, narrow)
    )
    assert len(kept.mixture) == len(free.mixture) == 2
    assert not any("given support" in note for note in free.notes)
    assert sum("kept within the given support" in note for note in kept.notes) == 1
    assert inside(kept, model, narrow if isinstance(narrow, tuple) else (narrow,))
    assert kept.log_likelihood < free.log_likelihood
    assert kept.criterion > free.criterion


@pytest.mark.parametrize(("low", "high"), [(0.1, 2.0), (4.0, 6.0), (20.0, 30.0)])
def test_one_gaussian_law_in_a_box_in_closed_form(low, high):
    x = pair() + 1.0
    found = Confined(lookup("diagonal").moment_model(1), (Box([-0.5, low], [0.5, high]),), Samples(x[:, None])).best(
        [fit(x, k=1).mixture], None
    )
    mean = np.clip(x.mean(), -0.5, 0.5)
    assert found.mixture.components.mean()[0, 0] == pytest.approx(mean, abs=1e-5)
    variance = np.clip(x.var() + (x.mean() - mean) ** 2, low, high)
    assert found.mixture.components.cov()[0, 0, 0] == pytest.approx(variance, rel=1e-5)


def test_full_covariances_keep_their_eigenvalues(rng):
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    x = rng.normal(size=(400, 2)) * [0.3, 2.0] @ turn.T
    found = fit(x, k=1, method=MomentSOS(support="sd in [0.7, 1.5]", order=2), rng=0)
    np.testing.assert_allclose(np.sqrt(np.linalg.eigvalsh(found.mixture.components.cov()[0])), [0.7, 1.5], rtol=1e-4)


def test_the_likelihood_never_falls_within_the_region():
    found = Confined(
        lookup("diagonal").moment_model(1), (Box([-2.0, 0.5], [2.0, 1.5]),), Samples(pair()[:, None])
    ).best([fit(pair(), "diagonal", k=3, rng=0).mixture], None)
    assert np.all(np.diff(found.history) >= -1e-12)


def test_moments_alone_give_atoms_of_the_region():
    region = Box([-2.6, 0.01], [2.6, 4.0])
    found = fit(SampleMoments.of(pair(), order=8), method=MomentSOS(support=region, max_order=4), rng=0)
    assert inside(found, lookup("gaussian").moment_model(1), (region,))
    assert any("atoms in it" in note for note in found.notes)
