"""Conditional laws of mixtures, and points that are filled in from them."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gamma,
    Gaussian,
    Incomplete,
    InputError,
    Mixture,
    Poisson,
    Product,
    StudentT,
    UnsupportedError,
)


def mixtures(rng):
    root = rng.standard_normal((3, 4, 6))
    means, covs = 2 * rng.standard_normal((3, 4)), root @ root.swapaxes(1, 2) / 4
    weights = [0.2, 0.3, 0.5]
    blocks = Product(
        (Gamma([2.0, 3.0, 1.0], [1.0, 1.0, 2.0]), Gaussian(means[:, :2], covs[:, :2, :2]), Poisson([2.0, 5, 1]))
    )
    return {
        "gaussian": Mixture(weights, Gaussian(means, covs)),
        "diagonal": Mixture(weights, DiagonalGaussian(means, rng.uniform(0.5, 2, (3, 4)))),
        "student": Mixture(weights, StudentT(means, covs, 5.0)),
        "product": Mixture(weights, blocks),
    }


@pytest.mark.parametrize("name", ["gaussian", "diagonal", "student", "product"])
@pytest.mark.parametrize("known", [[0], [1], [0, 2], [1, 2, 3], [3, 0]])
def test_it_is_the_joint_law_over_that_of_what_is_known(name, known, rng):
    p = mixtures(rng)[name]
    x = p.sample(1, rng=rng)[0]
    rest = np.setdiff1d(np.arange(4), known)
    gap = x.copy()
    gap[rest] = np.nan
    given = p.conditional(gap)
    others = p.sample(6, rng=rng)[:, rest]
    points = np.tile(x, (6, 1))
    points[:, rest] = others
    order = sorted(known)
    expected = p.log_density(points) - p.marginal(order).log_density(x[None, order])
    np.testing.assert_allclose(given.log_density(others), expected, atol=1e-11)
    np.testing.assert_allclose(p.impute(gap[None])[0, rest], given.mean(), atol=1e-12)


def test_nothing_known_is_the_mixture_itself_and_all_known_is_refused(rng):
    p = mixtures(rng)["gaussian"].named(("a", "b", "c", "d"))
    assert p.conditional(np.full(4, np.nan)) is p
    assert p.conditional([1.0, np.nan, 2.0, np.nan]).columns == ("b", "d")
    with pytest.raises(InputError, match="NaN where a coordinate is unknown"):
        p.conditional(np.zeros(4))
    with pytest.raises(InputError, match=r"one point, \(d,\), got 2"):
        p.conditional(np.zeros((2, 4)))
    with pytest.raises(InputError, match="infinity"):
        p.conditional([np.inf, np.nan, 0.0, 0.0])
    with pytest.raises(InputError, match="infinity"):
        p.impute([[np.inf, np.nan, 0.0, 0.0]])


def test_singular_components_know_what_their_support_says():
    p = Mixture([1.0], Gaussian([[1.0, 2.0]], [[[1e-12, 2e-6], [2e-6, 4.0]]]))  # the second is 2e6 times the first
    assert p.conditional([1.0 + 1e-6, np.nan]).mean() == pytest.approx([4.0], rel=1e-6)
    assert p.conditional([1.0 + 1e-6, np.nan]).cov().tolist() == [[0.0]]


def test_draws_follow_the_conditional_law(rng):
    p = mixtures(rng)["gaussian"]
    gap = np.array([0.5, np.nan, -0.5, np.nan])
    given, drawn = p.conditional(gap), p.impute(np.tile(gap, (20_000, 1)), rng=1)[:, [1, 3]]
    error = np.sqrt(np.diagonal(given.cov()) / 20_000)
    assert (np.abs(drawn.mean(axis=0) - given.mean()) < 5 * error).all()
    np.testing.assert_allclose(np.cov(drawn.T), given.cov(), atol=0.1 * np.abs(given.cov()).max())
    assert (p.impute(gap[None], rng=3) == p.impute(gap[None], rng=3)).all()


def test_draws_of_many_patterns_keep_the_covariance_and_means_shrink_it(rng):
    p = mixtures(rng)["gaussian"]
    x = p.sample(20_000, rng=rng)
    gappy = np.where(rng.random(x.shape) < 0.4, np.nan, x)
    drawn, guessed = p.impute(gappy, rng=0), p.impute(gappy)
    kept = ~np.isnan(gappy)
    assert (drawn[kept] == x[kept]).all()
    assert (guessed[kept] == x[kept]).all()
    np.testing.assert_allclose(np.cov(drawn.T), p.cov(), atol=0.05 * np.abs(p.cov()).max())
    assert (guessed.var(axis=0) < 0.97 * drawn.var(axis=0)).all()
    assert ((guessed - x) ** 2).sum() < ((drawn - x) ** 2).sum()


def test_frames_come_back_as_frames(rng):
    pd = pytest.importorskip("pandas")
    p = mixtures(rng)["gaussian"].named(("a", "b", "c", "d"))
    frame = pd.DataFrame({"b": [1.0, np.nan], "a": [0.0, 1.0], "c": [0.0, 1.0], "d": [np.nan, 0.5]}, index=[7, 9])
    out = p.impute(frame)
    assert list(out.index) == [7, 9]
    assert list(out.columns) == ["a", "b", "c", "d"]
    np.testing.assert_allclose(out.to_numpy(), p.impute(frame[["a", "b", "c", "d"]].to_numpy()))


def test_what_is_known_of_incomplete_points_has_the_density_of_its_marginal(rng):
    p = mixtures(rng)["gaussian"]
    rows = np.array([[0.0, np.nan, 1.0, np.nan], [np.nan] * 4, [0.1, 0.2, 0.3, 0.4]])
    points = Incomplete(rows)
    log, shares = p.log_density(points), p.responsibilities(points)
    assert log[0] == p.marginal([0, 2]).log_density([[0.0, 1.0]])[0]
    assert log[1] == 0
    assert (shares[1] == p.weights).all()
    assert log[2] == p.log_density(rows[2])[0]
    assert p.predict(points).tolist() == shares.argmax(axis=1).tolist()
    with pytest.raises(InputError, match="NaN or infinity in 2 of 3 rows"):
        p.log_density(rows)


def test_families_without_conditional_laws_say_so():
    from dataclasses import dataclass  # a law of two coordinates that does not say more than it must

    @dataclass(frozen=True, eq=False)
    class Silent(Gaussian):
        conditional = None

        def __init__(self, means, covs):
            super().__init__(means, covs)

    p = Mixture([1.0], Silent([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(UnsupportedError, match=r"no closed-form conditional laws; families that do: .*gaussian"):
        p.conditional([np.nan, 1.0])
