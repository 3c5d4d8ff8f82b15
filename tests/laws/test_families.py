"""What every component law owes its callers, whatever its formula."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Geodesic, InputError, Mixture, TransportMap, UnsupportedError, plan
from mixot.families.base import Family, common
from mixot.families.registry import _REGISTRY, lookup, register, registered
from mixot.formulas.polynomial.moments import exponents, gaussian_moments


@pytest.fixture
def laws(family, rng):
    """Three random components of the family."""
    return family.example(rng, k=3)


def nodes_around(laws, k, reach=9.0, step=0.5):
    """Nodes and weights of the trapezoidal rule in the coordinates that make component k round."""
    axis = np.arange(-reach, reach + step / 2, step)
    round_nodes = np.stack(np.meshgrid(*[axis] * laws.dim, indexing="ij"), axis=-1).reshape(-1, laws.dim)
    root = np.linalg.cholesky(laws.cov()[k])
    return laws.mean()[k] + round_nodes @ root.T, step**laws.dim * np.linalg.det(root)


def test_density_integrates_to_one_and_gives_the_moments(whitened_family, rng):
    """By the trapezoidal rule, which is exact for tails as light as these; `test_densities` sees every family."""
    laws = whitened_family.example(rng, k=3)
    for k in range(len(laws)):
        x, weight = nodes_around(laws, k)
        density = np.exp(laws.log_prob(x)[:, k])
        powers = exponents(laws.dim, 4)
        integrals = np.array([weight * (density @ (x**power).prod(axis=1)) for power in powers])
        # exp(-9^2 / 2) of the mass lies outside the box; sums of 50 000 terms round at 1e-13
        np.testing.assert_allclose(laws.moments(4)[k], integrals, rtol=1e-10, atol=1e-10 * np.abs(integrals).max())


def test_moments_begin_with_mass_mean_and_covariance(laws):
    powers = exponents(laws.dim, 2)
    values = laws.moments(2)
    np.testing.assert_array_equal(values[:, 0], 1.0)
    np.testing.assert_allclose(values[:, 1 : laws.dim + 1], laws.mean(), rtol=1e-14)
    for column, power in enumerate(powers):
        if power.sum() == 2:
            i, j = np.repeat(np.arange(laws.dim), power)
            expected = laws.cov()[:, i, j] + laws.mean()[:, i] * laws.mean()[:, j]
            np.testing.assert_allclose(values[:, column], expected, rtol=1e-12, atol=1e-14)


def test_draws_have_the_mean_and_covariance(laws, rng):
    n = 20_000
    for k in range(len(laws)):
        x = laws.sample(np.full(n, k), rng)
        mean, cov = laws.mean()[k], laws.cov()[k]
        error = np.abs(x.mean(axis=0) - mean) / np.sqrt(np.diagonal(cov) / n)
        assert error.max() < 4.5, f"mean off by {error.max():.1f} standard errors"
        z = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T)
        products = z[:, None] * z  # whose spread is their own: fourth moments differ from law to law
        spread = np.abs(products.mean(axis=2) - np.eye(laws.dim)) * np.sqrt(n) / products.std(axis=2)
        assert spread.max() < 4.5, f"covariance off by {spread.max():.1f} standard errors"


def test_each_draw_comes_from_the_component_it_is_asked_from(laws, rng):
    labels = rng.integers(len(laws), size=300)
    x = laws.sample(labels, rng)
    assert x.shape == (300, laws.dim)
    for k in range(len(laws)):
        mine = x[labels == k]
        z = np.linalg.solve(np.linalg.cholesky(laws.cov()[k]), (mine - laws.mean()[k]).T)
        assert np.abs(z.mean(axis=1)).max() < 4.5 / np.sqrt(len(mine))


def test_take_and_append_move_components_about(laws, rng):
    x = rng.standard_normal((7, laws.dim))
    whole = laws.log_prob(x)
    np.testing.assert_array_equal(laws.take(np.array([2, 0])).log_prob(x), whole[:, [2, 0]])
    twice = laws.append(laws.take(np.array([1])))
    assert len(twice) == 4
    np.testing.assert_array_equal(twice.log_prob(x), whole[:, [0, 1, 2, 1]])


def test_marginals_keep_the_moments_of_their_coordinates(projected_family, rng):
    laws = projected_family.example(rng, k=3)
    axes = [2, 0] if laws.dim > 1 else [0]
    part = laws.marginal(axes)
    assert part.dim == len(axes)
    np.testing.assert_array_equal(part.mean(), laws.mean()[:, axes])
    np.testing.assert_array_equal(part.cov(), laws.cov()[:, axes][:, :, axes])
    column = {tuple(power): s for s, power in enumerate(exponents(laws.dim, 4).tolist())}
    whole = np.zeros((len(exponents(len(axes), 4)), laws.dim), dtype=int)
    whole[:, axes] = exponents(len(axes), 4)
    mine = [column[tuple(power)] for power in whole.tolist()]
    np.testing.assert_allclose(part.moments(4), laws.moments(4)[:, mine], rtol=1e-13)


def test_affine_images_change_variables(affine_family, rng):
    laws = affine_family.example(rng, k=3)
    d = laws.dim
    diagonal = np.diag(rng.uniform(0.5, 2.0, d))
    for matrix, shift in (  # from general to special: a family on the half line bears no more than a change of unit
        (rng.standard_normal((d, d)), rng.standard_normal(d)),
        (diagonal, rng.standard_normal(d)),
        (diagonal, np.zeros(d)),
    ):
        try:
            image = laws.affine(matrix, shift)
            break
        except UnsupportedError as refusal:
            assert "transform samples" in str(refusal)  # noqa: PT017
    np.testing.assert_allclose(image.mean(), laws.mean() @ matrix.T + shift, rtol=1e-14)
    np.testing.assert_allclose(image.cov(), matrix @ laws.cov() @ matrix.T, rtol=1e-11, atol=1e-13)
    x = laws.sample(np.arange(12) % 3, rng)
    expected = laws.log_prob(x) - np.log(abs(np.linalg.det(matrix)))
    np.testing.assert_allclose(image.log_prob(x @ matrix.T + shift), expected, rtol=1e-9, atol=1e-9)


def test_affine_images_in_a_larger_space_live_on_a_subspace_or_are_refused(affine_family, rng):
    laws = affine_family.example(rng, k=3)
    d = laws.dim
    matrix = np.linalg.qr(rng.standard_normal((d + 2, d)))[0]  # an isometry: densities stay
    try:
        image = laws.affine(matrix, np.ones(d + 2))
    except UnsupportedError as refusal:
        assert "transform samples" in str(refusal)  # noqa: PT017
        return
    np.testing.assert_array_equal(image.rank(), d)
    x = rng.standard_normal((6, d))
    np.testing.assert_allclose(image.log_prob(x @ matrix.T + 1.0), laws.log_prob(x), rtol=1e-9)
    assert (image.log_prob(x @ matrix.T + 1.0 + rng.standard_normal(d + 2)) == -np.inf).all()


def test_widening_changes_no_law(laws, rng):
    x = rng.standard_normal((9, laws.dim))
    np.testing.assert_allclose(laws.widen().log_prob(x), laws.log_prob(x), rtol=1e-12)
    np.testing.assert_array_equal(laws.rank(), laws.dim)


def test_registry_finds_every_family_by_name(family):
    assert lookup(family.name) is family
    assert registered()[family.name] is family


def test_unknown_family_lists_those_that_exist():
    with pytest.raises(InputError, match=r"unknown family 'cauchy'; families are .*diagonal, .*gaussian"):
        lookup("cauchy")


def test_a_family_without_formulas_refuses_and_names_those_that_have_them(rng):
    class Bare(DiagonalGaussian):
        """Has a density and nothing of transport."""

        cost = between = coupling = marginal = affine = None

    register("bare")(Bare)
    try:
        bare = Bare(np.zeros((2, 2)), np.ones((2, 2)))
        p = Mixture([0.5, 0.5], bare)
        full = Mixture([0.5, 0.5], DiagonalGaussian(np.zeros((2, 2)), np.ones((2, 2))))
        known = plan(full, full)  # of the same weights, from a family that has costs
        refusals = [
            (lambda: plan(p, p), "closed-form W2 cost"),
            (lambda: Geodesic.along(p, p, known)(0.5), "closed-form geodesics"),
            (lambda: TransportMap.along(p, p, known), "closed-form transport maps"),
            (lambda: p.marginal([0]), "closed-form marginals"),
            (lambda: p.affine(2.0), "closed-form affine images"),
        ]
        for call, what in refusals:
            with pytest.raises(UnsupportedError, match=f"the bare family has no {what}; families that do: .*gaussian"):
                call()
    finally:
        del _REGISTRY["bare"]


def test_common_widens_or_says_what_does_not_fit(rng):
    full, diagonal = Gaussian.example(rng, 2), DiagonalGaussian.example(rng, 2)
    p, q = common(full, diagonal)
    assert type(p) is type(q) is Gaussian
    assert common(diagonal, diagonal) == (diagonal, diagonal)
    with pytest.raises(InputError, match="same space, got dimension 3 and 1"):
        common(full, Gaussian([0.0], [1.0]))

    class Aloof(DiagonalGaussian):
        """Of no wider family."""

        name = "aloof"
        widen = Family.widen

    with pytest.raises(UnsupportedError, match="between mixtures of the families gaussian and aloof"):
        common(full, Aloof(np.zeros((1, 3)), np.ones((1, 3))))


def test_append_joins_only_what_belongs_together(rng):
    full = Gaussian.example(rng, 2)
    with pytest.raises(InputError, match="gaussian in dimension 3 and diagonal in dimension 3"):
        full.append(DiagonalGaussian.example(rng, 2))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="gaussian in dimension 3 and gaussian in dimension 1"):
        full.append(Gaussian([0.0], [1.0]))


@pytest.mark.parametrize("shape", [[[0.0, 2.0, 0.0], [3.0, 0.0, 0.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]])
def test_diagonal_stays_diagonal_where_coordinates_do_not_mix(shape, rng):
    laws, matrix = DiagonalGaussian.example(rng, 2), np.array(shape)
    image = laws.affine(matrix, np.zeros(2))
    assert isinstance(image, DiagonalGaussian)
    np.testing.assert_allclose(image.cov(), matrix @ laws.cov() @ matrix.T, rtol=1e-14)


def test_diagonal_becomes_full_where_coordinates_mix(rng):
    laws, matrix = DiagonalGaussian.example(rng, 2), rng.standard_normal((3, 3))
    image = laws.affine(matrix, np.zeros(3))
    assert isinstance(image, Gaussian)
    np.testing.assert_allclose(image.cov(), matrix @ laws.cov() @ matrix.T, rtol=1e-12, atol=1e-14)


def test_moments_of_an_isotropic_law_are_products_of_double_factorials():
    powers = exponents(2, 6)
    double = {0: 1, 2: 1, 4: 3, 6: 15}
    expected = [double.get(int(a), 0) * double.get(int(b), 0) for a, b in powers]
    np.testing.assert_array_equal(gaussian_moments(np.zeros((1, 2)), np.eye(2)[None], 6)[0], expected)
