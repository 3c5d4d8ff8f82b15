"""A mixture is a measure: its density, draws, moments, marginals and images all speak of one law."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, InputError, Mixture, Samples, UnsupportedError, fit
from mixot.formulas.polynomial.moments import exponents


@pytest.fixture
def mixture(family, rng):
    """A random mixture of four components of the family."""
    return Mixture(rng.dirichlet(np.ones(4)), family.example(rng, 4))


@pytest.fixture
def flexible(affine_projected_family, rng):
    """The same of a family that has affine images."""
    return Mixture(rng.dirichlet(np.ones(4)), affine_projected_family.example(rng, 4))


def eye(mixture):
    return np.eye(mixture.dim)


def widest(mixture, choices, image):
    """The first of the choices under which the family has an image, from general to special, and the image."""
    for choice in choices:
        try:
            return choice, image(mixture, *choice)
        except (UnsupportedError, IndexError):  # a family may bear less, and the line has no third axis
            continue
    raise AssertionError("a family that has affine images has none of these")


def test_density_is_the_weighted_sum_of_densities(mixture, rng):
    x = mixture.sample(20, rng=rng)
    expected = np.exp(mixture.components.log_prob(x)) @ mixture.weights
    np.testing.assert_allclose(mixture.density(x), expected, rtol=1e-13)
    np.testing.assert_allclose(mixture.log_density(x), np.log(expected), rtol=1e-13)


def test_log_density_survives_where_the_density_vanishes():
    p = Mixture([0.25, 0.75], Gaussian([-1.0, 1.0], [1.0, 1.0]))
    far = np.array([[1e6]])
    assert p.density(far)[0] == 0.0
    expected = np.log(0.75) - 0.5 * (1e6 - 1) ** 2 - 0.5 * np.log(2 * np.pi)
    assert p.log_density(far)[0] == pytest.approx(expected, rel=1e-15)


def test_responsibilities_are_bayes_rule(mixture, rng):
    x = mixture.sample(50, rng=rng)
    joint = np.exp(mixture.components.log_prob(x)) * mixture.weights
    np.testing.assert_allclose(mixture.responsibilities(x), joint / joint.sum(axis=1, keepdims=True), rtol=1e-11)


def test_responsibilities_sum_to_one_far_out(mixture, rng):
    x = 1e8 * rng.standard_normal((50, mixture.dim))
    r = mixture.responsibilities(x)
    np.testing.assert_allclose(r.sum(axis=1), 1.0, rtol=1e-12)  # log-densities of some hundreds round at 1e-13
    assert r.min() >= 0


def test_mean_and_covariance_follow_the_law_of_total_variance(mixture):
    mean = mixture.weights @ mixture.components.mean()
    second = np.einsum(
        "k,kij->ij",
        mixture.weights,
        mixture.components.cov() + mixture.components.mean()[:, :, None] * mixture.components.mean()[:, None, :],
    )
    np.testing.assert_allclose(mixture.mean(), mean, rtol=1e-15)
    np.testing.assert_allclose(mixture.cov(), second - np.outer(mean, mean), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(mixture.moments(2).mean(), mean, rtol=1e-13)
    np.testing.assert_allclose(mixture.moments(2).cov(), mixture.cov(), rtol=1e-11, atol=1e-12)


def test_covariance_keeps_its_digits_far_from_the_origin(rng):
    near = Mixture([0.5, 0.5], Gaussian.example(rng, 2))
    far = near.affine(1.0, 2.0**30)  # exactly representable: the means lose at most their last bits
    np.testing.assert_allclose(far.cov(), near.cov(), rtol=1e-6, atol=1e-6)


def test_moments_of_a_mixture_are_mixtures_of_moments(mixture):
    np.testing.assert_allclose(mixture.moments(4).values, mixture.weights @ mixture.components.moments(4), rtol=1e-14)


def test_draws_have_the_law(mixture, rng):
    n = 20_000
    x = mixture.sample(n, rng=rng)
    error = np.abs(x.mean(axis=0) - mixture.mean()) / np.sqrt(np.diagonal(mixture.cov()) / n)
    assert error.max() < 4.5
    fourth = mixture.moments(4)
    powers = exponents(mixture.dim, 2)
    column = {tuple(power): s for s, power in enumerate(fourth.exponents.tolist())}
    for power in powers[powers.sum(axis=1) == 2]:
        values = (x**power).prod(axis=1)
        expected = fourth.values[column[tuple(power.tolist())]]
        variance = fourth.values[column[tuple((2 * power).tolist())]] - expected**2
        assert abs(values.mean() - expected) < 4.5 * np.sqrt(variance / n)


def test_draws_depend_on_the_seed_alone(mixture):
    np.testing.assert_array_equal(mixture.sample(10, rng=3), mixture.sample(10, rng=np.random.default_rng(3)))
    assert not np.array_equal(mixture.sample(10, rng=3), mixture.sample(10, rng=4))
    assert mixture.sample(0, rng=3).shape == (0, mixture.dim)


def test_marginals_and_images_agree(flexible):
    (axes,), image = widest(flexible, [([2, 0],), (list(range(flexible.dim)),)], lambda p, axes: p.affine(eye(p)[axes]))
    part = flexible.marginal(axes)
    np.testing.assert_allclose(part.moments(3).values, image.moments(3).values, rtol=1e-12)
    np.testing.assert_allclose(part.mean(), flexible.mean()[axes], rtol=1e-14)
    np.testing.assert_allclose(flexible.marginal([-1]).mean(), flexible.mean()[-1:], rtol=1e-14)


def test_images_compose(flexible, rng):
    d, one = flexible.dim, eye(flexible)
    general = [rng.standard_normal(shape) for shape in ((d, d), (2, d), (d,), (2,))]
    special = 0.3 * one, 2.5 * one, np.zeros(d), np.zeros(d)
    (a, b, u, v), twice = widest(flexible, [general, special], lambda p, a, b, u, v: p.affine(a, u).affine(b, v))
    once = flexible.affine(b @ a, b @ u + v)
    np.testing.assert_allclose(once.moments(2).values, twice.moments(2).values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_a_change_of_unit_changes_the_density_by_its_jacobian(flexible, rng, unit):
    x = rng.standard_normal((20, flexible.dim))
    scaled = flexible.affine(unit)
    np.testing.assert_allclose(
        scaled.log_density(unit * x), flexible.log_density(x) - flexible.dim * np.log(unit), rtol=1e-12
    )
    np.testing.assert_allclose(scaled.responsibilities(unit * x), flexible.responsibilities(x), rtol=1e-9, atol=1e-15)


def test_merge_leaves_the_measure_and_drops_the_repeats(mixture, rng):
    doubled = Mixture(
        np.concatenate([mixture.weights / 2, [0.0], mixture.weights / 2]),
        mixture.components.append(mixture.components.take(np.array([3, 0, 1, 2, 3]))),
    )
    assert len(doubled.merge()) == len(mixture)
    dead = Mixture(np.append(doubled.weights, 0.0), doubled.components.append(mixture.components.example(rng, 1)))
    merged = dead.merge()
    assert len(merged) == len(mixture)
    np.testing.assert_allclose(merged.weights, mixture.weights, rtol=1e-14)
    x = rng.standard_normal((10, mixture.dim))
    np.testing.assert_allclose(merged.log_density(x), mixture.log_density(x), rtol=1e-13)


def test_merge_within_a_tolerance_keeps_the_first():
    p = Mixture([0.25, 0.5, 0.25], Gaussian([1.0, 2.0, 1.0 + 1e-9], [1.0, 1.0, 1.0]))
    assert len(p.merge()) == 3
    merged = p.merge(tol=1e-6)
    np.testing.assert_array_equal(merged.weights, [0.5, 0.5])
    np.testing.assert_array_equal(merged.components.mean()[:, 0], [1.0, 2.0])


def test_a_component_of_weight_zero_changes_nothing(rng):
    x = rng.standard_normal((5, 1))
    p = Mixture([0.0, 1.0], Gaussian([5.0, 0.0], [0.0, 1.0]))  # the dead one is singular, too
    np.testing.assert_allclose(p.log_density(x), Gaussian([0.0], [1.0]).log_prob(x)[:, 0], rtol=1e-15)
    np.testing.assert_array_equal(p.responsibilities(x)[:, 0], 0.0)
    assert np.abs(p.sample(100, rng=rng)).max() < 5


def test_a_singular_mixture_has_no_density_and_says_what_to_do():
    p = Mixture([0.5, 0.5], Gaussian(np.zeros((2, 2)), [np.eye(2), np.diag([1.0, 0.0])]))
    with pytest.raises(
        UnsupportedError, match=r"components \[1\] have a singular covariance.*multiple of the identity"
    ):
        p.log_density([[0.0, 0.0]])


def test_a_singular_component_claims_its_support():
    p = Mixture([0.5, 0.25, 0.25], DiagonalGaussian(np.zeros((3, 2)), [[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]))
    x = [[0.0, 0.0], [0.3, 0.0], [0.3, 0.3]]
    np.testing.assert_array_equal(p.responsibilities(x).argmax(axis=1), [2, 1, 0])
    np.testing.assert_array_equal(p.responsibilities(x).max(axis=1), 1.0)


def test_a_point_off_every_support_goes_to_the_nearest_mean():
    p = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [5.0, 0.0]], np.stack([np.diag([1.0, 0.0])] * 2)))
    np.testing.assert_array_equal(p.responsibilities([[1.0, 2.0], [4.0, 2.0]]), [[1, 0], [0, 1]])
    dead = Mixture([1.0, 0.0], p.components)
    np.testing.assert_array_equal(dead.responsibilities([[4.0, 2.0]]), [[1, 0]])


def test_a_single_point_and_a_line_of_points_are_read_as_rows(mixture):
    np.testing.assert_array_equal(mixture.density(np.zeros(mixture.dim)), mixture.density(np.zeros((1, mixture.dim))))
    line = Mixture([1.0], Gaussian([0.0], [1.0]))
    assert line.density([0.0, 1.0, 2.0]).shape == (3,)
    assert line.density(0.5).shape == (1,)


def on_the_line(law, rng):
    """A mixture of the family on the line; its first marginal where the family lives elsewhere."""
    p = Mixture(rng.dirichlet(np.ones(4)), law.example(rng, 4))
    return p if p.dim == 1 else p.marginal([0])


def test_quantiles_invert_the_distribution_function(on_the_line_projected_family, rng):
    p, levels = on_the_line(on_the_line_projected_family, rng), np.array([1e-9, 0.01, 0.3, 0.5, 0.77, 1 - 1e-6])
    x = p.quantile(levels)
    assert (np.diff(x) >= 0).all()
    if p.components.discrete:
        np.testing.assert_array_equal(x, x.round())
        assert (p.cdf(x) >= levels).all()
        assert (p.cdf(x - 1) < levels).all()
    else:
        np.testing.assert_allclose(p.cdf(x), levels, rtol=1e-9)
        step = 1e-5 * np.sqrt(p.cov()[0, 0])
        inner = x[1:-1]
        slope = (p.cdf(inner + step) - p.cdf(inner - step)) / (2 * step)
        np.testing.assert_allclose(slope, p.density(inner), rtol=1e-4)


def test_quantiles_carry_the_uniform_law_to_the_mixture(on_the_line_projected_family, rng):
    p = on_the_line(on_the_line_projected_family, rng)
    x = p.quantile((np.arange(2000) + 0.5) / 2000)
    spread = np.sqrt(p.cov()[0, 0])
    assert x.mean() == pytest.approx(p.mean()[0], abs=2e-3 * spread)
    assert x.std() == pytest.approx(spread, rel=0.02)  # the outermost levels leave out a part of the tails


def test_quantiles_of_atoms_are_their_places():
    p = Mixture([0.25, 0.75], Gaussian([-3.0, 5.0], [0.0, 0.0]))
    np.testing.assert_allclose(p.quantile([0.1, 0.25, 0.26, 0.9]), [-3, -3, 5, 5], rtol=1e-15)
    assert p.cdf([-3.1, -3.0, 4.9, 5.0]).tolist() == [0, 0.25, 0.25, 1]
    point = Mixture([1.0], Gaussian([0.0], [0.0]))
    assert abs(point.quantile(0.5)[0]) < 1e-300


def test_quantiles_are_refused_off_the_line_and_at_the_ends(rng):
    plane = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    for ask in (plane.cdf, plane.quantile):
        with pytest.raises(InputError, match=r"marginal\(\[0\]\)"):
            ask([0.5])
    for level in (0.0, 1.0, np.nan, -1.0, [[0.5]]):
        with pytest.raises(InputError, match="above 0 and below 1"):
            plane.marginal([0]).quantile(level)


def test_a_point_off_a_component_without_width_belongs_to_the_others():
    p = Mixture([0.5, 0.5], Gaussian([0.0, 5.0], [0.0, 4.0]))
    np.testing.assert_array_equal(p.responsibilities([0.0, 1.0, -1.0]), [[1, 0], [0, 1], [0, 1]])


def test_only_draws_by_the_million_are_told_to_be_fewer():
    class Torn(Gaussian):
        def sample(self, labels, rng):
            raise ValueError("torn")

    torn = Mixture([1.0], Torn([0.0], [1.0]))
    with pytest.raises(ValueError, match=r"^torn$"):
        torn.sample(10, rng=0)
    with pytest.raises(InputError, match="do not fit into memory"):
        torn.sample(10**6, rng=0)


def test_a_row_of_a_frame_goes_by_its_names(rng):
    pandas = pytest.importorskip("pandas")
    law = Mixture([1.0], Gaussian([[0.0, 5.0]], [np.diag([1.0, 9.0])]), columns=("a", "b"))
    frame = pandas.DataFrame(rng.normal([0.0, 5.0], 1.0, (3, 2)), columns=["a", "b"])
    expected = law.log_density(frame)[1]
    assert law.log_density(frame[["b", "a"]].iloc[1]) == pytest.approx(expected)
    assert law.log_density(frame.iloc[1].to_numpy()) == pytest.approx(expected)
    with pytest.raises(InputError, match="x must have the columns 'a', 'b'"):
        law.log_density(frame.rename(columns={"b": "c"}).iloc[1])


def test_columns_of_several_levels_have_names(rng):
    pandas = pytest.importorskip("pandas")
    levels = pandas.MultiIndex.from_tuples([("x", "mean"), ("x", "spread")])
    frame = pandas.DataFrame(rng.standard_normal((50, 2)) * [1.0, 9.0], columns=levels)
    law = fit(frame, k=1).mixture
    assert law.columns == ("x/mean", "x/spread")
    np.testing.assert_allclose(law.log_density(frame.iloc[:, ::-1]), law.log_density(frame))


def test_samples_have_weights_once():
    points = np.array([[0.0], [1.0], [5.0]])
    with pytest.raises(InputError, match="the samples have weights of their own"):
        fit(Samples(points, [0.5, 0.25, 0.25]), k=1, counts=[1, 1, 2])
    with pytest.raises(InputError, match="the samples have counts of their own"):
        fit(Samples(points, counts=[1, 1, 2]), k=1, weights=[0.5, 0.25, 0.25])
