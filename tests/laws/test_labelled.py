"""Mixtures with given labels: the shrinkage is nearly the best one, and follows every linear map of the data."""

import numpy as np
import pytest

from mixot import EM, AccuracyWarning, DiagonalGaussian
from mixot.fitting.likelihood.labelled import fit_labelled
from mixot.formulas.gaussian.shrinkage import diagonal_shrinkage, shrinkage


@pytest.mark.parametrize("n", [5, 20, 60, 300])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_the_share_is_close_to_the_best_one(n, spread, rng):
    d = 15
    axes = np.linalg.qr(rng.standard_normal((d, d)))[0]
    true = axes @ np.diag(np.exp(spread * rng.standard_normal(d))) @ axes.T
    grid = np.linspace(0, 1, 41)
    own, fixed = [], []
    for _ in range(60):
        cov = np.cov(rng.standard_normal((n, d)) @ np.linalg.cholesky(true).T, rowvar=False)
        share = shrinkage(cov, np.eye(d), n)
        own.append((((1 - share) * cov + share * np.eye(d) - true) ** 2).sum())
        fixed.append([(((1 - s) * cov + s * np.eye(d) - true) ** 2).sum() for s in grid])
    # the best share knows the truth; without it the loss is a quarter higher at worst, from five observations
    assert np.mean(own) < 1.25 * np.mean(fixed, axis=0).min()


def test_diagonal_shrinkage_is_close_to_the_best_one_too(rng):
    true = np.exp(0.7 * rng.standard_normal(15))
    grid = np.linspace(0, 1, 41)
    own, fixed = [], []
    for _ in range(100):
        variances = (rng.standard_normal((12, 15)) * np.sqrt(true)).var(axis=0, ddof=1)
        share = diagonal_shrinkage(variances, np.ones(15), 12)
        own.append((((1 - share) * variances + share - true) ** 2).sum())
        fixed.append([(((1 - s) * variances + s - true) ** 2).sum() for s in grid])
    assert np.mean(own) < 1.25 * np.mean(fixed, axis=0).min()


def test_the_share_is_the_same_in_all_coordinates(rng):
    root, target_root, map_ = rng.standard_normal((3, 6, 6))
    cov, target = root @ root.T, target_root @ target_root.T + np.eye(6)
    moved = shrinkage(map_ @ cov @ map_.T, map_ @ target @ map_.T, 30)
    assert moved == pytest.approx(shrinkage(cov, target, 30), rel=1e-8)


def populations(rng, counts, d=4):
    centers = 8 * rng.standard_normal((len(counts), d))
    codes = np.repeat(np.arange(len(counts)), counts)
    return centers[codes] + rng.standard_normal((len(codes), d)), codes


def test_large_labels_keep_their_moments(rng):
    x, codes = populations(rng, [4000, 2000])
    found = fit_labelled(x, codes, ["a", "b"])
    assert found.names == ("a", "b")
    assert found.notes == ()
    np.testing.assert_allclose(found.mixture.weights, [2 / 3, 1 / 3], rtol=1e-12)
    for code in (0, 1):
        np.testing.assert_allclose(found.mixture.components.means[code], x[codes == code].mean(axis=0), rtol=1e-12)
        own = np.cov(x[codes == code], rowvar=False)
        np.testing.assert_allclose(found.mixture.components.covs[code], own, atol=0.1)


def test_the_covariance_lies_between_the_own_and_the_pooled_one(rng):
    x, codes = populations(rng, [40, 60])
    found = fit_labelled(x, codes, ["a", "b"])
    own = [np.cov(x[codes == code], rowvar=False) for code in (0, 1)]
    pooled = (39 * own[0] + 59 * own[1]) / 98
    for code, share in enumerate(found.shrinkage):
        mixed = (1 - share) * own[code] + share * pooled
        np.testing.assert_allclose(found.mixture.components.covs[code], mixed, rtol=1e-4)  # and reg = 1e-6


def test_a_linear_map_of_the_data_is_one_of_the_mixture(rng):
    x, codes = populations(rng, [30, 12, 50])
    matrix, shift = rng.standard_normal((4, 4)), rng.standard_normal(4)
    found = fit_labelled(x, codes, ["a", "b", "c"])
    moved = fit_labelled(x @ matrix.T + shift, codes, ["a", "b", "c"])
    expected = found.mixture.affine(matrix, shift).components
    np.testing.assert_allclose(moved.shrinkage, found.shrinkage, rtol=1e-3)  # reg is measured in plain coordinates
    np.testing.assert_allclose(moved.mixture.components.means, expected.means, atol=1e-9)
    np.testing.assert_allclose(moved.mixture.components.covs, expected.covs, rtol=1e-3, atol=1e-3)


def test_names_and_order_do_not_matter(rng):
    x, codes = populations(rng, [20, 30, 25])
    order = rng.permutation(len(x))
    found, other = fit_labelled(x, codes, ["a", "b", "c"]), fit_labelled(x[order], 2 - codes[order], "cba")
    assert other.names == ("c", "b", "a")
    np.testing.assert_allclose(
        other.mixture.components.covs[::-1], found.mixture.components.covs, rtol=1e-9, atol=1e-12
    )


def test_a_single_point_takes_the_pooled_covariance(rng):
    x, codes = populations(rng, [40, 60, 1, 3])
    with pytest.warns(AccuracyWarning) as told:
        found = fit_labelled(x, codes, ["a", "b", "one", "three"])
    assert "labels with one point" in found.notes[0]
    assert "one" in found.notes[0]
    assert "three (3 points" in found.notes[1]
    assert [str(each.message) for each in told] == list(found.notes)
    assert found.shrinkage[2] == 1.0
    own = [np.cov(x[codes == code], rowvar=False) for code in (0, 1, 3)]
    pooled = (39 * own[0] + 59 * own[1] + 2 * own[2]) / 100
    np.testing.assert_allclose(found.mixture.components.covs[2], pooled, rtol=1e-4)
    assert np.isfinite(found.mixture.log_density(x)).all()


def test_few_points_in_many_dimensions_give_a_density(rng):
    x, codes = populations(rng, [6, 5, 2], d=30)
    with pytest.warns(AccuracyWarning, match="drawn towards its diagonal|no more points than the 30"):
        found = fit_labelled(x, codes, ["a", "b", "c"])
    assert np.linalg.eigvalsh(found.mixture.components.covs).min() > 0
    assert np.isfinite(found.mixture.log_density(x)).all()


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")
def test_equal_points_and_constant_columns_keep_a_width(rng):
    x, codes = populations(rng, [30, 30])
    x[:, 2] = 7.0
    x[codes == 1] = x[30]
    found = fit_labelled(x, codes, "ab")
    assert any("constant" in note for note in found.notes)
    assert np.linalg.eigvalsh(found.mixture.components.covs).min() > 0


def test_several_components_for_each_label(rng):
    x = np.concatenate([rng.normal(center, 1.0, (100, 2)) for center in (-20, -10, 10, 20)])
    codes = np.repeat([0, 0, 1, 1], 100)
    for k in (2, None):
        found = fit_labelled(x, codes, "ab", k=k, rng=0)
        assert found.owner.tolist() == [0, 0, 1, 1]
        assert np.sort(found.mixture.components.means[:, 0]).round(-1).tolist() == [-20, -10, 10, 20]
        np.testing.assert_allclose(found.mixture.weights, 0.25, rtol=0.02)
    assert found.membership.sum(axis=0).tolist() == [2, 2]


def test_a_label_gets_no_more_components_than_it_has_points_for(rng):
    x, codes = populations(rng, [100, 9])
    with pytest.warns(AccuracyWarning, match="too few points for 3 components, which get fewer: b"):
        found = fit_labelled(x, codes, "ab", k=3, method=EM(starts=1), rng=0)
    assert np.bincount(found.owner).tolist() == [3, 1]


def test_diagonal_covariances(rng):
    x, codes = populations(rng, [50, 60])
    found = fit_labelled(x, codes, "ab", structure="diagonal")
    assert isinstance(found.mixture.components, DiagonalGaussian)
    full = fit_labelled(x, codes, "ab")
    np.testing.assert_allclose(found.mixture.components.means, full.mixture.components.means)


def test_points_without_a_label_and_labels_without_points_are_left_out(rng):
    x, codes = populations(rng, [30, 40])
    with pytest.warns(AccuracyWarning, match="30 of 70 points have no label"):
        found = fit_labelled(x, np.where(codes == 0, -1, 2), ["a", "empty", "b"])
    assert found.names == ("b",)
    np.testing.assert_allclose(found.mixture.components.means[0], x[codes == 1].mean(axis=0))


def test_responsibilities_keep_to_the_label_that_is_known(rng):
    x, codes = populations(rng, [60, 60])
    found = fit_labelled(x, codes, "ab", k=2, rng=0)
    own = found.responsibilities(x, codes)
    np.testing.assert_allclose(own @ found.membership, np.eye(2)[codes], atol=1e-12)
    np.testing.assert_array_equal(found.responsibilities(x, np.full(120, -1)), found.mixture.responsibilities(x))
    all_ = found.responsibilities(x)
    scaled = all_ * found.membership.T[codes]
    np.testing.assert_allclose(own, scaled / scaled.sum(axis=1, keepdims=True), atol=1e-9)


def test_bad_input(rng):
    x, codes = populations(rng, [5, 5])
    from mixot import InputError

    with pytest.raises(InputError, match="no point has a label"):
        fit_labelled(x, np.full(10, -1), "ab")
    with pytest.raises(InputError, match="no label has two different points"):
        fit_labelled(x[:2], np.array([0, 1]), "ab")
    with pytest.raises(InputError, match=r"within all labels.*structures here are full \(VVV\), diagonal \(VVI\), got"):
        fit_labelled(x, codes, "ab", structure="tied")
    with pytest.raises(InputError, match="k must be a whole number"):
        fit_labelled(x, codes, "ab", k=0)
    with pytest.raises(InputError, match="one label for each of the 10 points"):
        fit_labelled(x, codes[:-1], "ab")
