"""What a plan says of labels and of points: flows, fates and images fit together, in both directions."""

import numpy as np
import pytest

from mixot import plan
from mixot.fitting.labelled import fit_labelled
from mixot.transport.populations import PopulationPlan


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
    np.testing.assert_array_equal(moved.reversed.flows(), flows.T)
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
