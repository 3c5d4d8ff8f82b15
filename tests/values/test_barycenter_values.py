"""Barycenters of the papers' examples: objectives (plans are not unique there) and, where they are, components."""

import numpy as np
import pytest

from mixot import Gaussian, GivenComponents, Mixture, barycenter

# Chen, Georgiou and Tannenbaum 2019, section V.C, equal masses. Objective and components at weights 1/3 with 50 digits.
CHEN = [
    Mixture([0.5, 0.5], Gaussian([0.5, 0.1], [0.01, 0.05])),
    Mixture([0.5, 0.5], Gaussian([0.0, -0.35], [0.02, 0.02])),
    Mixture([0.5, 0.5], Gaussian([0.4, -0.45], [0.025, 0.021])),
]
CHEN_COSTS = {  # of all tuples, at weights 1/3
    (0, 0, 0): 0.047263510288984279086,
    (0, 0, 1): 0.15097168579959120315,
    (0, 1, 0): 0.14448573251120650131,
    (0, 1, 1): 0.18208279691070231426,
    (1, 0, 0): 0.030146934347553540777,
    (1, 0, 1): 0.05866213741652393528,
    (1, 1, 0): 0.096258045458664651888,
    (1, 1, 1): 0.05866213741652393528,
}

# Delon and Desolneux 2020, Figure 4 (parameters from the authors' notebook). Objectives by a fixed point and a linear
# program over all tuples in double precision, good to 1e-12.
_WIDE, _ROUND, _TALL = [[0.025, 0.0], [0.0, 0.00125]], [[0.01, 0.0], [0.0, 0.01]], [[0.00125, 0.0], [0.0, 0.025]]
DELON = [
    Mixture(
        np.full(3, 1 / 3),
        Gaussian([[0.5, 0.75], [0.5, 0.25], [0.5, 0.5]], [_WIDE, _WIDE, [[0.015, 0.0125], [0.0125, 0.0125]]]),
    ),
    Mixture(np.full(4, 0.25), Gaussian([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [0.75, 0.25]], [_ROUND] * 4)),
    Mixture(
        np.full(4, 0.25), Gaussian([[0.5, 0.75], [0.5, 0.25], [0.25, 0.5], [0.75, 0.5]], [_WIDE, _WIDE, _TALL, _TALL])
    ),
    Mixture(
        np.full(3, 1 / 3),
        Gaussian(
            [[0.8, 0.7], [0.2, 0.7], [0.5, 0.3]],
            [[[0.02, 0.01], [0.01, 0.01]], [[0.02, -0.01], [-0.01, 0.01]], [[0.06, 0.0], [0.0, 0.01]]],
        ),
    ),
]


def test_chen_barycenter_at_thirds():
    found = barycenter(CHEN)
    assert found.objective == pytest.approx(0.052962823852754107182959562040291, rel=1e-12)
    assert found.gap <= 1e-15
    order = np.argsort(-found.mixture.components.means[:, 0])
    np.testing.assert_allclose(found.mixture.weights[order], [0.5, 0.5], atol=1e-15)
    np.testing.assert_allclose(found.mixture.components.means[order, 0], [0.3, -0.23333333333333333], atol=1e-15)
    np.testing.assert_allclose(
        found.mixture.components.covs[order, 0, 0], [0.017736489711015720914, 0.028893418139031620276], rtol=1e-13
    )


def test_chen_costs_of_tuples():
    families = [p.components for p in CHEN]
    _, costs = families[0].barycenter(families[1:], np.array(list(CHEN_COSTS)), np.full(3, 1 / 3))
    np.testing.assert_allclose(costs, list(CHEN_COSTS.values()), rtol=1e-12)


def test_chen_barycenter_at_a_quarter_a_quarter_a_half():
    # Figure 10; both couplings of two and two components of equal mass, priced by hand
    weights = np.array([0.25, 0.25, 0.5])
    families = [p.components for p in CHEN]
    tuples = np.array(list(CHEN_COSTS))
    means = np.stack([f.means[tuples[:, j], 0] for j, f in enumerate(families)], axis=1)
    stds = np.sqrt(np.stack([f.covs[tuples[:, j], 0, 0] for j, f in enumerate(families)], axis=1))
    costs = sum(((x - (x @ weights)[:, None]) ** 2) @ weights for x in (means, stds))
    best = min((costs[t] + costs[7 - t]) / 2 for t in range(4))
    assert barycenter(CHEN, weights).objective == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize(
    ("weights", "objective"),
    [([1 / 4] * 4, 0.026954331645555423), ([4 / 9, 2 / 9, 2 / 9, 1 / 9], 0.025016583602238275)],
)
def test_delon_figure_4(weights, objective):
    found = barycenter(DELON, weights)
    assert found.objective == pytest.approx(objective, rel=1e-10)
    assert 0 <= found.gap <= 1e-12
    assert len(found.mixture) <= 11


def test_given_components_of_chen():
    # Candidates: the barycenters of all eight tuples; the best weights are those of the exact barycenter
    families = [p.components for p in CHEN]
    candidates, _ = families[0].barycenter(families[1:], np.array(list(CHEN_COSTS)), np.full(3, 1 / 3))
    found = barycenter(CHEN, solver=GivenComponents(candidates))
    assert found.objective == pytest.approx(0.052962823852754107183, rel=1e-12)
