"""Maps and paths along plans of optimal mixture transport."""

import numpy as np
import pytest

from mixot import (
    OMT,
    DiagonalGaussian,
    Exact,
    Gamma,
    Gaussian,
    Geodesic,
    InputError,
    Interpolation,
    Mixture,
    Product,
    Samples,
    Semidiscrete,
    TransportMap,
    UnsupportedError,
    geodesic,
    plan,
    transport_map,
)

N = 200_000


def mixture(rng, law, k):
    return Mixture(rng.dirichlet(np.full(k, 3.0)), law.example(rng, k))


def assert_drawn_from(y, law, sigmas=5.0):
    """Means and second moments of the points agree with those of the law, within standard errors."""
    for axis, values in enumerate(y.T):
        raw = law.marginal([axis]).moments(4).values
        for power in (1, 2):  # the law's own spread: pairs that are rarely picked may be missing in the draws
            spread = np.sqrt(max(raw[2 * power] - raw[power] ** 2, 0.0) / len(y))
            assert abs((values**power).mean() - raw[power]) < sigmas * spread + 1e-9 * abs(raw[power])


@pytest.mark.parametrize("eps", [0.0, 0.05, 5.0])
@pytest.mark.parametrize("law", [Gaussian, DiagonalGaussian], ids=lambda law: law.name)
def test_the_random_map_pushes_p_onto_q(law, eps, rng):
    p, q = mixture(rng, law, 4), mixture(rng, law, 5)
    move = transport_map(p, q, kind="random", solver=OMT(eps=eps))
    x = p.sample(N, rng=rng)
    y = move(x, rng=rng)
    assert_drawn_from(y, q)


@pytest.mark.parametrize("law", [Gamma, Product], ids=lambda law: law.name)
def test_other_families_are_pushed_too(law, rng):
    p, q = mixture(rng, law, 3), mixture(rng, law, 4)
    assert_drawn_from(transport_map(p, q, kind="random", solver=OMT())(p.sample(N, rng=rng), rng=rng), q)


@pytest.mark.parametrize("eps", [0.0, 2.0])
def test_the_mean_map_is_the_mean_of_the_random_one(eps, rng):
    p, q = mixture(rng, Gaussian, 4), mixture(rng, Gaussian, 5)
    move = transport_map(p, q, solver=OMT(eps=eps))
    for x in p.sample(3, rng=rng):
        np.testing.assert_allclose(move(x)[0], move.conditional(x).mean(), rtol=1e-10, atol=1e-12)
        draws = move.sample(np.repeat(x[None], 20_000, axis=0), rng=rng)
        assert_drawn_from(draws, move.conditional(x))
    # barycentric: it shrinks, and does not push p onto q
    y = move(p.sample(N, rng=rng))
    assert np.trace(np.cov(y.T)) < 0.95 * np.trace(q.cov())


@pytest.mark.parametrize("law", [Gamma, Product], ids=lambda law: law.name)
def test_mean_images_in_other_families_are_means_of_draws(law, rng):
    p, q = mixture(rng, law, 3), mixture(rng, law, 4)
    move = transport_map(p, q, solver=OMT())
    for x in p.sample(3, rng=rng):
        draws = move.sample(np.repeat(x[None], 20_000, axis=0), rng=rng)
        error = np.abs(draws.mean(axis=0) - move(x[None])[0])
        assert (error <= 5 * draws.std(axis=0) / np.sqrt(len(draws)) + 1e-9).all()


def test_images_of_singular_laws_are_those_of_their_conditional_laws(rng):
    root = rng.standard_normal((3, 3, 2))
    p = Mixture(rng.dirichlet(np.ones(3)), Gaussian(np.zeros((3, 3)), root @ root.swapaxes(1, 2)))
    move = transport_map(p, mixture(rng, Gaussian, 2), solver=OMT(eps=0.5))
    for x in np.vstack([p.sample(3, rng=rng), np.zeros((1, 3))]):
        np.testing.assert_allclose(move(x)[0], move.conditional(x).mean(), rtol=1e-10, atol=1e-12)
        assert_drawn_from(move.sample(np.repeat(x[None], 20_000, axis=0), rng=rng), move.conditional(x))


@pytest.mark.parametrize("eps", [0.0, 2.0])
def test_the_joint_law_has_both_marginals(eps, rng):
    p, q = mixture(rng, Gaussian, 3), mixture(rng, Gaussian, 2)
    joint = transport_map(p, q, kind="random", solver=OMT(eps=eps)).joint()
    np.testing.assert_allclose(joint.mean(), np.concatenate([p.mean(), q.mean()]), atol=1e-12)
    np.testing.assert_allclose(joint.cov()[:3, :3], p.cov(), atol=1e-11)
    np.testing.assert_allclose(joint.cov()[3:, 3:], q.cov(), atol=1e-11)


def test_singular_laws_are_pushed_by_entropic_couplings(rng):
    root = rng.standard_normal((3, 3, 2))
    p = Mixture(np.full(3, 1 / 3), Gaussian(rng.standard_normal((3, 3)), root @ root.swapaxes(1, 2)))
    q = mixture(rng, Gaussian, 2)
    assert_drawn_from(transport_map(p, q, kind="random", solver=OMT(eps=0.5))(p.sample(N, rng=rng), rng=rng), q)
    assert_drawn_from(transport_map(q, p, kind="random", solver=OMT(eps=0.5))(q.sample(N, rng=rng), rng=rng), p)


def test_float32_points_stay_float32_and_go_to_the_same_places(rng):
    p, q = mixture(rng, Gaussian, 4), mixture(rng, Gaussian, 5)
    x = p.sample(2000, rng=rng).astype(np.float32)
    for solver in (OMT(), OMT(eps=1.0)):
        move = transport_map(p, q, solver=solver)
        assert move(x).dtype == move.sample(x, rng=0).dtype == move.trajectories(x, [0.5], rng=0).dtype == np.float32
        np.testing.assert_allclose(move(x), move(x.astype(np.float64)), atol=2e-4)


@pytest.mark.parametrize("d", [5, 6, 9])
def test_points_picked_in_high_dimension_go_where_their_pair_says(d, rng):
    root = rng.standard_normal((4, d, d + 2))
    p = Mixture(rng.dirichlet(np.ones(4)), Gaussian(3 * rng.standard_normal((4, d)), root @ root.swapaxes(1, 2)))
    q = Mixture(p.weights[::-1], Gaussian(rng.standard_normal((4, d)), np.stack([np.eye(d)] * 4)))
    move = transport_map(p, q, kind="random", solver=OMT())
    x = p.sample(777, rng=rng)
    y = move(x, rng=1)
    images = np.einsum("sij,nj->nsi", move.pieces.linear, x) + move.pieces.shift
    nearest = np.abs(images - y[:, None]).max(axis=2).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-11)


@pytest.mark.parametrize("apart", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("d", [12, 15])
def test_many_components_in_high_dimension_give_the_formula(d, apart, rng):
    """Far components are told by the first coordinates alone there, and the points are put in another order."""
    sides = []
    for _ in range(2):
        root = rng.standard_normal((11, d, 2 * d)) / np.sqrt(2 * d)
        laws = Gaussian(apart * rng.standard_normal((11, d)), root @ root.swapaxes(1, 2))
        sides.append(Mixture(rng.dirichlet(np.ones(11)), laws))
    p, q = sides
    move = transport_map(p, q, solver=OMT())
    x = np.concatenate([p.sample(5000, rng=rng), 3 * q.sample(77, rng=rng)])  # several tasks, and points from nowhere
    images = np.einsum("sij,nj->nsi", move.pieces.linear, x) + move.pieces.shift
    share = move.plan.coupling / p.weights[:, None]
    odds = p.responsibilities(x)[:, move.rows] * share[move.rows, move.cols]
    expected = np.einsum("ns,nsi->ni", odds, images)
    np.testing.assert_allclose(move(x), expected, atol=1e-11 * np.abs(expected).max())
    np.testing.assert_allclose(move(x[::-1])[::-1], move(x), atol=1e-12 * np.abs(expected).max())
    drawn = move.sample(x, rng=1)
    picked = np.abs(images - drawn[:, None]).max(axis=2).argmin(axis=1)
    np.testing.assert_allclose(images[np.arange(len(x)), picked], drawn, atol=1e-11 * np.abs(expected).max())
    assert np.log(odds[np.arange(len(x)), picked]).mean() == pytest.approx(
        (odds * np.log(np.maximum(odds, 1e-300))).sum(axis=1).mean(), abs=0.1
    )


def test_destinations_and_origins_follow_bayes(rng):
    p, q = mixture(rng, Gaussian, 4), mixture(rng, Gaussian, 5)
    move = transport_map(p, q, solver=OMT())
    x, y = p.sample(N, rng=rng), q.sample(N, rng=rng)
    there, back = move.destinations(x), move.origins(y)
    assert there.shape == (N, 5)
    assert back.shape == (N, 4)
    np.testing.assert_allclose(there.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(there.mean(axis=0), q.weights, atol=0.01)
    np.testing.assert_allclose(back.mean(axis=0), p.weights, atol=0.01)


def test_the_middle_of_a_lone_component_goes_and_comes_as_the_plan_says(rng):
    p, q = (Mixture(rng.dirichlet(np.ones(k)), Gaussian(1e3 * np.arange(k), np.ones(k))) for k in (4, 5))
    move = transport_map(p, q, solver=OMT(lam=1e7))
    w = move.plan.coupling
    assert (w > 1e-3 * w.max()).mean() > 0.5  # a plan that joins many
    np.testing.assert_allclose(move.destinations(p.components.means), w / w.sum(axis=1)[:, None], rtol=1e-12)
    np.testing.assert_allclose(move.origins(q.components.means), (w / w.sum(axis=0)).T, rtol=1e-12)


def test_destinations_of_laws_that_overlap_add_up_to_the_target(rng):
    p, q = (Mixture(rng.dirichlet(np.ones(k)), Gaussian(np.arange(k) + 0.5, np.ones(k))) for k in (4, 5))
    x = np.linspace(-12, 18, 2001)[:, None]  # the trapezoidal rule is exact to rounding
    there = transport_map(p, q, solver=OMT()).destinations(x)
    np.testing.assert_allclose(np.average(there, axis=0, weights=p.density(x)), q.weights, rtol=1e-10)


# -- paths -------------------------------------------------------------------------------------------------------------


def test_the_interpolation_goes_from_p_to_q_and_says_that_it_is_no_geodesic(rng):
    p, q = mixture(rng, Gaussian, 4), mixture(rng, Gaussian, 5)
    path = geodesic(p, q, solver=OMT())
    assert isinstance(path, Interpolation)
    assert not isinstance(path, Geodesic)
    for t, end in ((0.0, p), (1.0, q)):
        x = end.sample(50, rng=rng)
        np.testing.assert_allclose(path(t).density(x), end.density(x), rtol=1e-10)
    assert path.distance == path.plan.distance > geodesic(p, q).distance
    assert isinstance(geodesic(p, q), Geodesic)
    assert isinstance(geodesic(p, q, solver=Exact()), Geodesic)


def test_trajectories_are_drawn_from_the_interpolation(rng):
    p, q = mixture(rng, Gaussian, 3), mixture(rng, Gaussian, 4)
    found = plan(p, q, solver=OMT())
    move, path = transport_map(p, q, solver=OMT()), Interpolation.along(p, q, found)
    x, times = p.sample(N, rng=rng), [0.0, 0.3, 1.0]
    paths = move.trajectories(x, times, rng=rng)
    assert paths.shape == (3, N, 3)
    np.testing.assert_array_equal(paths[0], x)
    for points, t in zip(paths, times, strict=True):
        assert_drawn_from(points, path(t))
    np.testing.assert_array_equal(move.trajectories(x[:9], 1.0, rng=4)[0], move.sample(x[:9], rng=4))


# -- relaxed marginals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [1.0, (2.0, np.inf)], ids=str)
def test_points_weighted_by_their_growth_arrive_where_the_plan_says(rho, rng):
    p, q = mixture(rng, Gaussian, 3), mixture(rng, Gaussian, 4)
    move = transport_map(p, q, kind="random", solver=OMT(rho=rho))
    found = move.plan
    # p weighted by its growth is the part of p that moves
    x = p.sample(N, rng=rng)
    growth = move.growth(x)
    assert growth.mean() == pytest.approx(found.coupling.sum(), abs=5 * growth.std() / np.sqrt(N))
    moving = move.source.density(x[:100]) * found.coupling.sum()
    np.testing.assert_allclose(p.density(x[:100]) * growth[:100], moving, rtol=1e-9)
    arrived = found.coupling.sum(axis=0)
    np.testing.assert_allclose(
        move.target.weights, arrived / arrived.sum() if np.isscalar(rho) else q.weights, rtol=1e-9
    )
    y = move(x, rng=rng)
    expected = arrived @ q.components.mean()
    error = np.abs((growth[:, None] * y).mean(axis=0) - expected) / ((growth[:, None] * y).std(axis=0) / np.sqrt(N))
    assert error.max() < 5


def test_kept_marginals_do_not_grow(rng):
    p, q = mixture(rng, Gaussian, 3), mixture(rng, Gaussian, 4)
    x = p.sample(10, rng=rng)
    for solver in (OMT(), Exact()):
        np.testing.assert_array_equal(transport_map(p, q, solver=solver).growth(x), 1.0)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_what_has_no_map_or_path_says_so(rng):
    p, q = mixture(rng, Gaussian, 3), mixture(rng, Gaussian, 4)
    with pytest.raises(UnsupportedError, match="along W2 geodesics"):
        geodesic(p, q, solver=OMT(eps=1.0))
    with pytest.raises(InputError, match="numbers in \\[0, 1\\]"):
        transport_map(p, q).trajectories(p.sample(2, rng=rng), [0.0, 1.5])
    with pytest.raises(InputError, match=r"solved by Exact\(...\) or OMT\(...\), got Semidiscrete"):
        transport_map(p, q, solver=Semidiscrete())  # type: ignore[call-overload]
    line = Mixture([1.0], Gaussian([0.0], [1.0]))
    with pytest.raises(InputError, match=r"solved by Semidiscrete\(...\), got OMT"):
        transport_map(Samples([0.0, 1.0]), line, solver=OMT())  # type: ignore[call-overload]
    many = Mixture(np.full(400, 1 / 400), DiagonalGaussian(rng.standard_normal((400, 30)), np.ones((400, 30))))
    with pytest.raises(InputError, match=r"a map along 160000 pairs of components in dimension 30 needs 8.6 GiB"):
        transport_map(many, many, solver=OMT(lam=100.0))


def many(rng, k, d):
    """Two mixtures far from degenerate whose plan joins all pairs, most of them next to nothing."""
    sides, means = [], 3 * rng.standard_normal((k, d))
    for at in (means, means + 0.5 * rng.standard_normal((k, d))):
        roots = rng.standard_normal((k, d, d)) / np.sqrt(d)
        sides.append(
            Mixture(rng.dirichlet(np.full(k, 5.0)), Gaussian(at, roots @ roots.swapaxes(1, 2) + 0.1 * np.eye(d)))
        )
    return sides


def test_a_tail_leaves_out_no_more_of_any_component_and_says_how_much(rng):
    p, q = many(rng, 30, 3)
    joined = plan(p, q, solver=OMT())
    for tail in (1e-2, 1e-6):
        along = TransportMap.along(p, q, joined, kind="random", tail=tail)
        left = joined.coupling.copy()
        left[along.rows, along.cols] = 0.0
        assert len(along.rows) < 900 / 2
        assert (left.sum(axis=1) <= tail * joined.coupling.sum(axis=1)).all()
        assert (left.sum(axis=0) <= tail * joined.coupling.sum(axis=0)).all()
        assert along.left_out == pytest.approx(left.sum())
        assert f"{len(along.rows)} pairs" in along.notes[0]
        # one pair more would have been too much: what is kept least of a row or of a column was needed
        least = joined.coupling[along.rows, along.cols].argmin()
        row, col = along.rows[least], along.cols[least]
        more = (left[row].sum() + joined.coupling[row, col]) / p.weights[row]
        other = (left[:, col].sum() + joined.coupling[row, col]) / q.weights[col]
        assert max(more, other) > tail


def test_images_along_the_pairs_that_are_kept_move_by_no_more_than_the_tail(rng):
    p, q = many(rng, 30, 3)
    joined, x = plan(p, q, solver=OMT()), p.sample(500, rng=rng)
    whole, part = (TransportMap.along(p, q, joined, tail=tail) for tail in (0.0, 1e-4))
    assert whole.left_out == 0.0
    assert whole.notes == ()
    width = np.ptp(q.components.means, axis=0).max()
    assert 0 < np.abs(whole(x) - part(x)).max() < 10 * 1e-4 * width
    np.testing.assert_array_equal(part.destinations(x), whole.destinations(x))


def test_more_pairs_than_memory_holds_lose_their_tails(rng, monkeypatch):
    p, q = many(rng, 30, 3)
    joined = plan(p, q, solver=OMT())
    monkeypatch.setattr("mixot.transport.maps._EASY", 64 * 9 * 300)
    along = TransportMap.along(p, q, joined, kind="random")
    assert 0 < along.left_out < 2e-6
    assert len(along.rows) == len(TransportMap.along(p, q, joined, kind="random", tail=1e-6).rows)
    assert along.notes
    monkeypatch.setattr("mixot.transport.maps._MOST", 64 * 9 * len(along.rows) - 1)
    with pytest.raises(InputError, match=r"needs .* GiB; take fewer components, .* or a larger tail"):
        TransportMap.along(p, q, joined)
    with pytest.raises(InputError, match=r"tail, the share .* got 1.5"):
        TransportMap.along(p, q, joined, tail=1.5)


def test_the_other_kind_follows_the_same_couplings(rng):
    p, q = many(rng, 4, 2)
    joined, x = plan(p, q, solver=OMT()), p.sample(50, rng=rng)
    drawn = TransportMap.along(p, q, joined, kind="random")
    mean = drawn.of_kind("mean")
    assert mean.pieces is drawn.pieces
    np.testing.assert_array_equal(mean(x), TransportMap.along(p, q, joined, kind="mean")(x))
    np.testing.assert_array_equal(mean.of_kind("random")(x, rng=3), drawn(x, rng=3))


def test_a_plan_between_other_mixtures_makes_no_map(rng):
    p, q = many(rng, 4, 2)
    joined, other = plan(p, q), Mixture(q.weights[::-1], q.components)
    with pytest.raises(InputError, match="the plan has other weights than q, by up to"):
        TransportMap.along(p, other, joined)
    with pytest.raises(InputError, match="the plan joins 4 and 4 components, p and q 3 and 4"):
        TransportMap.along(Mixture(np.full(3, 1 / 3), p.components.take(np.arange(3))), q, joined)
