"""Atoms from moments: planted ones come back, and ranks that prove nothing are refused."""

import numpy as np
import pytest

from mixot.sos.extraction import Compression, MixingMoments, energy_rank, flatness, most_atoms
from mixot.sos.monomials import basis_of

DEGREES = (1, 1, 2, 2)


def planted(points, weights, order, degrees=DEGREES, kind="chebyshev", step=2, leading=(0, 1)):
    basis = basis_of(kind, degrees, 2 * order)
    return MixingMoments(basis, weights @ basis.values(points), order, step, leading)


@pytest.fixture
def atoms(rng):
    grid = np.array([[-0.7, -0.6], [0.6, -0.5], [0.0, 0.7], [0.7, 0.6]])
    return np.hstack([grid + rng.uniform(-0.1, 0.1, size=grid.shape), rng.uniform(0.1, 0.9, size=(4, 2))])


@pytest.mark.parametrize("kind", ["monomial", "chebyshev"])
@pytest.mark.parametrize("leading", [True, False])
def test_planted_atoms_come_back(atoms, kind, leading):
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    mixing = planted(atoms, weights, 4, kind=kind)
    level = flatness(mixing, 1e-9)
    assert (level.flat, level.rank, level.lower_rank) == (True, 4, 4)
    found = Compression(mixing, leading).atoms(4)
    order = np.argsort(found.weights)
    np.testing.assert_allclose(found.weights[order], weights, atol=1e-9)
    np.testing.assert_allclose(found.points[order], atoms, atol=1e-9)
    assert found.commutator < 1e-9


def test_noise_moves_atoms_by_its_own_size(atoms, rng):
    weights = np.full(4, 0.25)
    mixing = planted(atoms, weights, 4)
    noisy = MixingMoments(mixing.basis, mixing.values + 1e-6 * rng.normal(size=len(mixing.values)), 4, 2, (0, 1))
    assert flatness(noisy, 1e-4).flat
    found = Compression(noisy, True).atoms(4)
    away = np.abs(found.points[:, None] - atoms).max(axis=2).min(axis=1)
    assert away.max() < 1e-3  # the smallest of four eigenvalues is about 1e-2, and enters by its inverse
    assert 0 < found.commutator < 1e-2


def test_equal_ranks_prove_nothing_where_the_smaller_matrix_is_full(rng):
    # 8 polynomials have degree at most 2, so that 8 atoms make the smaller matrix regular
    mixing = planted(rng.uniform(-1, 1, size=(8, 4)) * [1, 1, 0.5, 0.5] + [0, 0, 0.5, 0.5], np.full(8, 1 / 8), 4)
    level = flatness(mixing, 1e-12)
    assert level.rank == level.lower_rank == 8
    assert level.vacuous
    assert not level.flat


def test_the_order_falls_by_two_where_variances_count_twice(rng):
    spread = planted(np.column_stack([np.zeros((3, 2)), [[0.2, 0.2], [0.5, 0.9], [0.9, 0.1]]]), np.full(3, 1 / 3), 3)
    assert flatness(spread, 1e-12).lower_order == 1
    assert not flatness(spread, 1e-12).flat  # of order 1 are 1 and the means alone, which see one atom


def test_the_energy_tells_how_many_means_there_are(atoms):
    assert energy_rank(planted(atoms, np.full(4, 0.25), 4), 1e-6) == 4
    assert energy_rank(planted(atoms[:2], np.array([0.5, 0.5]), 4), 1e-6) == 2
    assert most_atoms(planted(atoms, np.full(4, 0.25), 4)) == 10


def test_one_atom_has_nothing_to_be_told_apart_from():
    found = Compression(planted(np.array([[0.1, -0.2, 0.3, 0.4]]), np.ones(1), 2), True).atoms(1)
    np.testing.assert_allclose(found.points, [[0.1, -0.2, 0.3, 0.4]], atol=1e-12)
    np.testing.assert_allclose(found.weights, [1.0])


def test_an_eigenvector_that_the_constant_does_not_see_still_gives_an_atom():
    points, basis = np.array([[-2.0], [2.0]]), basis_of("monomial", (1,), 4)  # moments 1, 0, 4: the leading one is t
    values = np.full(2, 0.5) @ basis.values(points)
    found = Compression(MixingMoments(basis, values, 2, 1, (0,)), True).atoms(1)
    assert found.weights.tolist() == [1.0]
    np.testing.assert_allclose(found.points, [[0.0]], atol=1e-12)
