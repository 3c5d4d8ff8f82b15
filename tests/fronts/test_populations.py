"""What a plan says of labels and of points: flows, fates and images fit together, in both directions."""

import numpy as np
import pytest

from mixot import OMT, Gaussian, Mixture, plan, transport_map
from mixot.anndata.populations import PopulationPlan
from mixot.fitting.likelihood.labelled import LabelledFit, fit_labelled


@pytest.fixture
def clouds(rng):
    """Two labelled clouds with two components a label, the second one moved."""
    centers = np.array([[-6.0, 0.0], [-6.0, 5.0], [6.0, 0.0], [6.0, -5.0]])
    sides = []
    for shift, odds in (([0.0, 0.0], [0.3, 0.2, 0.2, 0.3]), ([1.0, 2.0], [0.2, 0.2, 0.4, 0.2])):
        which = rng.choice(4, 3000, p=odds)
        sides.append((centers[which] + shift + rng.standard_normal((3000, 2)), which // 2))
    return sides


@pytest.fixture
def moved(clouds):
    fits = [fit_labelled(x, codes, ["left", "right"], k=2, rng=0) for x, codes in clouds]
    return PopulationPlan(fits[0], fits[1], plan(fits[0].mixture, fits[1].mixture))


def test_flows_have_the_shares_of_the_labels_as_marginals(moved, clouds):
    flows = moved.flows()
    for side, (_, codes) in enumerate(clouds):
        np.testing.assert_allclose(flows.sum(axis=1 - side), np.bincount(codes) / len(codes), atol=1e-9)
    np.testing.assert_allclose(np.concatenate(moved.growth()), 1.0, atol=1e-9)
    assert np.nansum(flows * moved.costs()) == pytest.approx(moved.plan.cost)
    np.testing.assert_allclose(moved.reversed.flows(), flows.T, rtol=1e-14)  # products in another order
    assert moved.reversed.plan.cost == moved.plan.cost


@pytest.mark.parametrize("known", [True, False])
def test_fates_add_up_to_flows(known, moved, clouds):
    x, codes = clouds[0]
    fates = moved.fates(x, codes if known else None)
    np.testing.assert_allclose(fates.sum(axis=1), 1.0, atol=1e-12)
    # means over the cells of a label are its row of the plan; EM's shares and responsibilities agree at its optimum
    rows = np.stack([fates[codes == code].sum(axis=0) / len(x) for code in (0, 1)])
    np.testing.assert_allclose(rows, moved.flows(), atol=2e-3)


@pytest.mark.parametrize("known", [True, False])
def test_random_images_have_the_law_of_the_target(known, moved, clouds, rng):
    x, codes = clouds[0]
    image = moved.push(x, codes if known else None, kind="random", rng=rng)
    target = moved.target.mixture
    np.testing.assert_allclose(image.mean(axis=0), target.mean(), atol=0.3)  # spread 6, 3000 points: 0.11 each
    np.testing.assert_allclose(np.cov(image.T), target.cov(), rtol=0.06, atol=0.8)
    again = moved.reversed.push(clouds[1][0], clouds[1][1] if known else None, kind="random", rng=rng)
    np.testing.assert_allclose(again.mean(axis=0), moved.source.mixture.mean(), atol=0.3)


def test_the_mean_image_is_the_mean_of_the_random_ones(moved, clouds, rng):
    x, codes = clouds[0][0][:4], clouds[0][1][:4]
    many = moved.push(np.repeat(x, 20_000, axis=0), np.repeat(codes, 20_000), kind="random", rng=rng)
    np.testing.assert_allclose(many.reshape(4, -1, 2).mean(axis=1), moved.push(x, codes), atol=0.15)


def test_one_component_a_label_moves_by_its_own_map(clouds):
    fits = [fit_labelled(x, codes, ["left", "right"]) for x, codes in clouds]
    moved = PopulationPlan(fits[0], fits[1], plan(fits[0].mixture, fits[1].mixture))
    x, codes = clouds[0]
    image = moved.push(x, codes)
    means = fits[1].mixture.components.means
    conditional = moved.flows() / moved.flows().sum(axis=1, keepdims=True)
    for code in (0, 1):  # affine maps send means to means
        np.testing.assert_allclose(image[codes == code].mean(axis=0), conditional[code] @ means, atol=1e-9)
    half = moved.push(x.astype(np.float32), codes)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, image, atol=1e-3)


def test_points_without_a_label_go_by_density(moved, clouds):
    x, codes = clouds[0]
    mixed = np.where(np.arange(len(x)) % 2, -1, codes)
    lost = mixed < 0
    np.testing.assert_array_equal(moved.fates(x, mixed)[lost], moved.fates(x)[lost])
    np.testing.assert_allclose(moved.push(x, mixed)[lost], moved.push(x)[lost], atol=1e-9)
    np.testing.assert_allclose(moved.push(x, mixed)[~lost], moved.push(x, codes)[~lost], atol=1e-9)


def test_a_smooth_plan_and_its_way_back(clouds):
    fits = [fit_labelled(x, codes, ["left", "right"]) for x, codes in clouds]
    smooth = plan(fits[0].mixture, fits[1].mixture, solver=OMT(lam=5.0, rho=(40.0, 20.0)))
    moved = PopulationPlan(fits[0], fits[1], smooth)
    back = moved.reversed.plan
    assert back.gap == smooth.gap
    assert back.rho == (20.0, 40.0)
    mirrored = plan(fits[1].mixture, fits[0].mixture, solver=OMT(lam=5.0, rho=(20.0, 40.0)))
    np.testing.assert_allclose(back.coupling, mirrored.coupling, atol=1e-8)
    for one, other in zip(moved.reversed.growth(), mirrored.growth, strict=True):
        np.testing.assert_allclose(np.ravel(other), one, rtol=1e-6)


def test_growth_is_found_where_types_grow(clouds):
    """Half of the right side is lost: the relaxed plan says so, the balanced one turns right into left."""
    (x, codes), (y, labels) = clouds
    kept = (labels == 0) | (np.arange(len(y)) % 2 == 0)
    fits = [fit_labelled(x, codes, ["left", "right"]), fit_labelled(y[kept], labels[kept], ["left", "right"])]
    shares = [np.bincount(c) / len(c) for c in (codes, labels[kept])]
    costs = plan(fits[0].mixture, fits[1].mixture).cost_matrix
    solver = OMT(rho=(0.2 * float(np.median(costs)), np.inf))
    relaxed = PopulationPlan(*fits, plan(fits[0].mixture, fits[1].mixture, solver=solver))
    assert np.trace(relaxed.flows()) > 0.99
    np.testing.assert_allclose(relaxed.growth()[0], shares[1] / shares[0], rtol=0.02)
    np.testing.assert_array_equal(relaxed.growth()[1], 1.0)
    np.testing.assert_allclose(relaxed.fates(x, codes).sum(axis=1), 1.0)
    balanced = PopulationPlan(*fits, plan(fits[0].mixture, fits[1].mixture))
    assert np.trace(balanced.flows()) < 0.96


def test_errors_of_flows_are_those_of_other_draws(rng):
    """Types drawn again from the same laws: flows vary as their errors say."""
    weights = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    components = (
        Gaussian([[0.0], [2.0], [4.0]], np.ones((3, 1, 1))),
        Gaussian([[0.5], [2.5], [3.5]], np.ones((3, 1, 1))),
    )

    def moved(counts):
        fits = []
        for laws, count in zip(components, counts, strict=True):
            law = Mixture(count / count.sum(), laws)
            fits.append(LabelledFit(law, ("a", "b", "c"), np.arange(3), count, np.zeros(3)))
        return PopulationPlan(fits[0], fits[1], plan(fits[0].mixture, fits[1].mixture, solver=OMT(lam=0.5)))

    sizes = 400, 900
    expected = moved([np.rint(w * n).astype(int) for w, n in zip(weights, sizes, strict=True)])
    drawn = [moved([rng.multinomial(n, w) for w, n in zip(weights, sizes, strict=True)]).flows() for _ in range(400)]
    exact = plan(expected.source.mixture, expected.target.mixture)
    seen = expected.flows() > 0.01  # far below, the law of a flow over draws is not narrow, and not normal
    assert seen.sum() >= 5
    found = np.std(drawn, axis=0)[seen] / expected.flows()[seen]
    np.testing.assert_allclose(found, expected.errors()[seen], rtol=0.2)  # 400 draws: 3.5 %, and second order
    assert np.isnan(PopulationPlan(expected.source, expected.target, exact).errors()).all()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("k", [1, 2])
def test_weighted_by_growth_random_images_have_the_law_of_the_target(known, k, clouds, rng):
    (x, codes), (y, labels) = clouds
    kept = (labels == 0) | (np.arange(len(y)) % 3 == 0)
    fits = [fit_labelled(x, codes, ["l", "r"], k=k, rng=0), fit_labelled(y[kept], labels[kept], ["l", "r"], k=k, rng=0)]
    solver = OMT(lam=1.0, rho=(5.0, np.inf))
    moved = PopulationPlan(*fits, plan(fits[0].mixture, fits[1].mixture, solver=solver))
    given = codes if known else None
    weights = moved.growth_at(x, given)
    assert weights.mean() == pytest.approx(1.0, abs=0.02)  # the target's marginal is kept, and its mass is one
    assert np.ptp(weights) > 0.3
    images = np.stack([moved.push(x, given, kind="random", rng=rng) for _ in range(5)])
    mean = np.average(images.mean(axis=0), weights=weights, axis=0)
    np.testing.assert_allclose(mean, moved.target.mixture.mean(), atol=0.25)  # x itself: 6 / sqrt(3000) = 0.11
    np.testing.assert_allclose(
        np.average(moved.fates(x, given), weights=weights, axis=0), moved.flows().sum(axis=0), atol=0.02
    )


def test_one_label_is_the_map_of_mixtures(clouds):
    """With all points in one label, fates and images are those of `transport_map`, inner entropy included."""
    fits = [fit_labelled(x, np.zeros(len(x), int), ["all"], k=2, rng=0) for x, _ in clouds]
    for solver in (OMT(), OMT(eps=1.0), OMT(rho=20.0)):
        whole = transport_map(fits[0].mixture, fits[1].mixture, solver=solver)
        moved = PopulationPlan(fits[0], fits[1], whole.plan)
        x = clouds[0][0][:200]
        for codes in (None, np.zeros(200, int)):
            np.testing.assert_allclose(moved.push(x, codes), whole(x), atol=1e-8)
            np.testing.assert_allclose(moved.growth_at(x, codes), whole.growth(x), atol=1e-9)
        back = transport_map(fits[1].mixture, fits[0].mixture, solver=solver)
        np.testing.assert_allclose(moved.reversed.push(x), back(x), atol=1e-6)


def test_errors_of_types_with_several_components_are_those_of_their_sums(clouds):
    fits = [fit_labelled(x, codes, ["left", "right"], k=2, rng=0) for x, codes in clouds]
    smooth = plan(fits[0].mixture, fits[1].mixture, solver=OMT())
    errors = PopulationPlan(*fits, smooth).errors()
    # the shares of two types, 1/2 and about 0.4 of 3000 cells each, far apart: between those of one side and of both
    for own in np.diagonal(errors):
        assert 0.6 * np.sqrt(1 / 3000) < own < 1.3 * np.sqrt(1 / 3000)
