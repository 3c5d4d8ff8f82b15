"""Bad input to the barycenter is named; a solve that does not finish hands over what it has."""

import numpy as np
import pytest

from mixot import (
    Barycenter,
    DiagonalGaussian,
    FixedPoint,
    Gaussian,
    GivenComponents,
    InputError,
    Mixture,
    MultiMarginal,
    SolveError,
    Status,
    UnsupportedError,
    barycenter,
)
from mixot.families.base import Family


@pytest.fixture
def mixtures(rng):
    def one(k):
        root = rng.standard_normal((k, 2, 2))
        return Mixture(rng.dirichlet(np.ones(k)), Gaussian(rng.standard_normal((k, 2)), root @ root.swapaxes(1, 2)))

    return [one(k) for k in (6, 5, 7, 6, 5)]


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([0.5, 0.5], r"shape \(5,\), one for each of the mixtures, got \(2,\)"),
        ([0.5, 0.5, 0.5, -0.5, 0.0], "must not be negative, got -0.5 at 3"),
        ([0.5, 0.5, 0.5, 0.5, 0.5], "must sum to one, got 2.5"),
        ([np.nan, 0.5, 0.5, 0.0, 0.0], "must be finite"),
    ],
)
def test_weights_are_checked(mixtures, weights, says):
    with pytest.raises(InputError, match=says):
        barycenter(mixtures, weights)


def test_what_is_no_list_of_mixtures_is_refused(mixtures):
    with pytest.raises(InputError, match="a list of mixtures, got one Mixture"):
        barycenter(mixtures[0])
    with pytest.raises(InputError, match="at least one mixture, got none"):
        barycenter([])
    with pytest.raises(InputError, match="a list of mixtures, got one float"):
        barycenter(3.0)
    with pytest.raises(UnsupportedError, match="fit one first"):
        barycenter([np.zeros((4, 2)), mixtures[0]])


def test_dimensions_must_agree(mixtures):
    line = Mixture([1.0], Gaussian([0.0], [1.0]))
    with pytest.raises(InputError, match=r"same space, got dimensions \[2, 1\]"):
        barycenter([mixtures[0], line])


def test_families_that_widen_to_one_are_averaged_and_others_refused(mixtures):
    narrow = Mixture([0.5, 0.5], DiagonalGaussian([[0.0, 0.0], [1.0, 1.0]], [1.0, 2.0]))
    assert isinstance(barycenter([mixtures[0], narrow]).mixture.components, Gaussian)

    class Odd(Gaussian):
        def widen(self) -> Family:
            return self

    Odd.name = "odd"
    other = Mixture([1.0], Odd([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(UnsupportedError, match=r"different families, got \['gaussian', 'odd'\]; fit all with one"):
        barycenter([mixtures[0], other])


def test_family_without_formula_refuses_by_name(mixtures):
    class Bare(Gaussian):
        barycenter = None

    Bare.name = "bare"
    laws = [Mixture(p.weights, Bare(p.components.means, p.components.covs)) for p in mixtures[:3]]
    with pytest.raises(UnsupportedError, match=r"the bare family has no closed-form barycenters; families that do: .*"):
        barycenter(laws)


def test_unfinished_solve_hands_over_its_best(mixtures):
    exact = barycenter(mixtures)
    with pytest.raises(SolveError, match=r"stopped at a gap of .* proven lower bound .*attached") as caught:
        barycenter(mixtures, solver=MultiMarginal(max_iter=1))
    best = caught.value.result
    assert isinstance(best, Barycenter)
    assert best.status is Status.MAX_ITER
    assert best.lower_bound <= exact.objective <= best.objective
    assert best.gap > 0
    for j, p in enumerate(mixtures):
        np.testing.assert_allclose(best.marginal(j), p.weights, atol=1e-12)


def test_search_that_is_cut_short_says_so(mixtures):
    exact = barycenter(mixtures)
    with pytest.raises(SolveError) as caught:
        barycenter(mixtures, solver=MultiMarginal(max_nodes=1))
    best = caught.value.result
    assert best.lower_bound <= exact.objective * (1 + 1e-12)
    assert best.gap > 0


def test_solvers_check_their_options(mixtures):
    with pytest.raises(InputError, match="k must be a whole number of at least 1"):
        FixedPoint(k=0)
    with pytest.raises(InputError, match="candidates must be a family such as"):
        barycenter(mixtures, solver=GivenComponents(np.zeros((3, 2))))
    with pytest.raises(InputError, match=r"candidates do not go with the mixtures: .* same space"):
        barycenter(mixtures, solver=GivenComponents(Gaussian([0.0], [1.0])))


def test_fixed_point_that_is_stopped_hands_over_its_best(mixtures):
    with pytest.raises(SolveError, match="fixed point") as caught:
        barycenter(mixtures, solver=FixedPoint(k=3, tol=0.0, max_iter=1))
    assert caught.value.result.status is Status.MAX_ITER
    assert caught.value.result.gap > 0


def test_positions_are_checked(mixtures):
    found = barycenter(mixtures[:3], [0.5, 0.0, 0.5])
    with pytest.raises(InputError, match="j must be one of the 3 inputs, got 3"):
        found.marginal(3)
    with pytest.raises(InputError, match=r"input 1 has weight zero and is not in the plan; take transport_map"):
        found.map(1)
