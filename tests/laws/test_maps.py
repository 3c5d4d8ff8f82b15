"""Maps push components onto components, agree with their formula in both precisions, and move with the data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import mixot.transport.maps as maps
from mixot import DiagonalGaussian, Exact, Exponential, Gaussian, Mixture, UnsupportedError, transport_map


def mixture(rng, k, d, rank=None, law=Gaussian):
    root = rng.standard_normal((k, d, d + 2 if rank is None else rank))
    covs = root @ root.swapaxes(1, 2) / max(root.shape[2], 1)
    means = 2 * rng.standard_normal((k, d))
    spreads = covs if law is Gaussian else np.diagonal(covs, axis1=1, axis2=2)
    return Mixture(rng.dirichlet([3.0] * k), law(means, spreads))


def by_formula(move, x):
    """T_mean pair by pair, in float64, from the log-densities."""
    joint = move.source.components.log_prob(x) + np.log(move.source.weights)
    r = np.exp(joint - joint.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    share = move.plan.coupling[move.rows, move.cols] / move.source.weights[move.rows]
    images = np.einsum("sij,nj->nsi", move.pieces.linear, x) + move.pieces.shift
    return np.einsum("ns,nsi->ni", r[:, move.rows] * share, images)


@pytest.mark.parametrize("first", [0, 1, 2, 4])
@pytest.mark.parametrize("second", [0, 1, 2, 4])
def test_couplings_push_forward_at_least_cost(first, second, rng):
    p, q = mixture(rng, 3, 4, first).components, mixture(rng, 3, 4, second).components
    rows, cols = np.divmod(np.arange(9), 3)
    c = p.coupling(q, rows, cols)
    a, b = p.covs[rows], q.covs[cols]
    np.testing.assert_allclose(np.einsum("sij,sj->si", c.linear, p.means[rows]) + c.shift, q.means[cols], atol=1e-12)
    np.testing.assert_allclose(c.linear @ a @ c.linear.swapaxes(1, 2) + c.noise, b, atol=1e-12)
    # E x.y is the nuclear norm of a^1/2 b^1/2, which no coupling exceeds
    roots = [np.linalg.eigh(cov) for cov in (a, b)]
    half = [axes * np.sqrt(np.clip(lam, 0, None))[:, None, :] for lam, axes in roots]
    best = np.linalg.svd(half[0].swapaxes(1, 2) @ half[1], compute_uv=False).sum(axis=1)
    np.testing.assert_allclose(np.trace(c.linear @ a, axis1=1, axis2=2), best, atol=1e-7 if first * second else 1e-12)
    assert (c.noise == 0).all() == (second <= first)


def test_full_rank_map_is_symmetric_and_positive(rng):
    p, q = mixture(rng, 4, 5).components, mixture(rng, 4, 5).components
    linear = p.coupling(q, np.arange(4), np.arange(4)).linear
    np.testing.assert_allclose(linear, linear.swapaxes(1, 2), atol=1e-12)
    assert np.linalg.eigvalsh(linear).min() > 0


def test_diagonal_couplings_are_those_of_the_wide_family(rng):
    variances = [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]], [[3.0, 0.0, 0.0], [2.0, 1.0, 0.5]]
    p, q = (DiagonalGaussian(rng.standard_normal((2, 3)), v) for v in variances)
    rows, cols = np.divmod(np.arange(4), 2)
    thin, wide = p.coupling(q, rows, cols), p.widen().coupling(q.widen(), rows, cols)
    for one, other in ((thin, wide),):
        np.testing.assert_array_equal(one.noise.any(axis=(1, 2)), other.noise.any(axis=(1, 2)))
        for s in range(4):
            a, b = np.diag(p.variances[rows[s]]), np.diag(q.variances[cols[s]])
            np.testing.assert_allclose(one.linear[s] @ a @ one.linear[s].T + one.noise[s], b, atol=1e-14)
            assert np.trace(one.linear[s] @ a) == pytest.approx(np.trace(other.linear[s] @ a), abs=1e-7)


@pytest.mark.parametrize("law", [Gaussian, DiagonalGaussian])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 17])
def test_mean_map_is_its_formula(law, d, rng):
    p, q = mixture(rng, 6, d, law=law), mixture(rng, 4, d, law=law)
    move = transport_map(p, q)
    for n in (1, 63, 64, 65, 5001):  # whole and broken groups of lanes, several tasks
        x = p.sample(n, rng=rng)
        exact = by_formula(move, x)
        np.testing.assert_allclose(move(x), exact, rtol=0, atol=1e-12 * np.abs(exact).max())
        low = x.astype(np.float32)
        moved, exact = move(low), by_formula(move, low.astype(np.float64))
        assert moved.dtype == np.float32
        np.testing.assert_allclose(moved, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


def test_float32_is_as_good_far_from_the_origin(rng):
    p, q = mixture(rng, 4, 3), mixture(rng, 4, 3)
    far, away = p.affine(np.eye(3), [4096.0] * 3), q.affine(np.eye(3), [-8192.0] * 3)
    x = (p.sample(2000, rng=rng) * 1024).round() / 1024  # so that float32 holds x + 4096
    near = transport_map(p, q)(x)
    moved = transport_map(far, away)((x + 4096).astype(np.float32))
    np.testing.assert_allclose(moved + np.float64(8192), near, atol=8192 * 2**-24 + 2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_far_from_every_component_stay_finite(dtype, rng):
    move = transport_map(mixture(rng, 5, 3), mixture(rng, 5, 3))
    x = np.array([[1e10, 0, 0], [-1e15, 1e15, 0], [1e18, -1e18, 1e18]], dtype=dtype)
    assert np.isfinite(move(x)).all()
    assert np.isfinite(move.sample(x, rng=0)).all()


def test_single_component_is_pushed_exactly(rng):
    p, q = mixture(rng, 1, 3), mixture(rng, 1, 3)
    x = p.sample(500, rng=rng)
    y = transport_map(p, q)(x)
    root = np.linalg.cholesky(p.cov())
    u = np.linalg.solve(root, (x - p.mean()).T).T
    v = np.linalg.solve(np.linalg.cholesky(q.cov()), (y - q.mean()).T).T
    np.testing.assert_allclose((u**2).sum(axis=1), (v**2).sum(axis=1), rtol=1e-9)  # same Mahalanobis radius
    # increasing: the gradient of a convex function
    assert (((x[:-1] - x[1:]) * (y[:-1] - y[1:])).sum(axis=1) > 0).all()


@pytest.mark.parametrize("ranks", [(3, 3), (2, 3), (2, 1), (0, 3)])
def test_random_map_has_the_target_as_image(ranks, rng):
    p, q = mixture(rng, 4, 3, ranks[0]), mixture(rng, 3, 3, ranks[1])
    move = transport_map(p, q, kind="random")
    n = 40_000
    x = p.sample(n, rng=rng)
    y = move(x, rng=rng)
    gap = y.mean(axis=0) - q.mean()
    assert np.abs(gap).max() <= 5 * np.sqrt(q.cov().diagonal().max() / n)
    # second moments about the mean of q, each within 5 of its own standard errors
    products = (y - q.mean())[:, :, None] * (y - q.mean())[:, None, :]
    assert (np.abs(products.mean(axis=0) - q.cov()) <= 5 * products.std(axis=0) / np.sqrt(n) + 1e-12).all()
    # and the responsibilities of q come out as its weights
    counts = q.responsibilities(y).sum(axis=0)
    assert ((counts - n * q.weights) ** 2 / (n * q.weights)).sum() <= chi2.isf(1e-6, len(q) - 1)


def test_random_map_takes_pairs_with_their_probabilities(rng):
    p, q = mixture(rng, 3, 2), mixture(rng, 3, 2)
    move = transport_map(p, q)
    point = p.mean()
    draws = move.sample(np.repeat(point[None], 60_000, axis=0), rng=rng)
    law = move.conditional(point)
    assert not law.components.cov().any()
    for mean, weight in zip(law.components.mean(), law.weights, strict=True):
        share = np.mean(np.abs(draws - mean).max(axis=1) < 1e-9)
        assert abs(share - weight) <= 5 * np.sqrt(weight / 60_000) + 1e-12


def test_conditional_law_has_the_mean_map_as_mean(rng):
    p, q = mixture(rng, 4, 3), mixture(rng, 3, 3)
    move = transport_map(p, q)
    for point in p.sample(5, rng=rng):
        np.testing.assert_allclose(move.conditional(point).mean(), move(point)[0], atol=1e-12)


def test_conditional_law_and_draws_where_no_map_exists(rng):
    line, ball = mixture(rng, 2, 3, 1), mixture(rng, 2, 3, 3)
    with pytest.raises(UnsupportedError, match=r"\(0, .*kind=\"random\""):
        transport_map(line, ball)
    move = transport_map(line, ball, kind="random")
    point = line.components.means[0]
    law = move.conditional(point)
    assert np.linalg.matrix_rank(law.components.cov()[0], tol=1e-9) == 2
    draws = move(np.repeat(point[None], 40_000, axis=0), rng=rng)
    np.testing.assert_allclose(draws.mean(axis=0), law.mean(), atol=5 * np.sqrt(law.cov().max() / 40_000))
    np.testing.assert_allclose(np.cov(draws.T), law.cov(), atol=0.05 * np.abs(law.cov()).max())
    back = transport_map(ball, line)  # the other way a map exists
    assert np.linalg.matrix_rank(back.pieces.linear[0], tol=1e-9) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_singular_source_onto_singular_target(dtype, rng):
    # a constant column, and flat components that fill different lines
    p, q = mixture(rng, 3, 4, 2), mixture(rng, 3, 4, 2)
    x = p.sample(300, rng=rng).astype(dtype)
    y = transport_map(p, q)(x)
    assert y.dtype == dtype
    move = transport_map(p, q)
    labels = p.responsibilities(x)
    np.testing.assert_array_equal(np.sort(labels, axis=1)[:, :-1], 0.0)  # each point lies on one plane
    share = move.plan.coupling[move.rows, move.cols] / p.weights[move.rows]
    images = np.einsum("sij,nj->nsi", move.pieces.linear, x) + move.pieces.shift
    np.testing.assert_allclose(y, np.einsum("ns,nsi->ni", labels[:, move.rows] * share, images), atol=1e-4)
    drawn = move.sample(x, rng=0)
    nearest = np.abs(drawn[:, None] - images).max(axis=2).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_constant_column_passes_through(rng):
    base, other = mixture(rng, 3, 2), mixture(rng, 2, 2)
    embed = np.array([[1.0, 0], [0, 0], [0, 1]])
    p, q = base.affine(embed, [0, 7.0, 0]), other.affine(embed, [0, -1.0, 0])
    x = base.sample(100, rng=rng)
    y = transport_map(p, q)(x @ embed.T + [0, 7.0, 0])
    np.testing.assert_allclose(y, transport_map(base, other)(x) @ embed.T + [0, -1.0, 0], atol=1e-12)


def test_maps_move_with_the_data(rng):
    p, q = mixture(rng, 4, 3), mixture(rng, 3, 3)
    x = p.sample(50, rng=rng)
    turn, s, t = np.linalg.qr(rng.standard_normal((3, 3)))[0], rng.standard_normal(3), rng.standard_normal(3)
    y = transport_map(p, q)(x)
    turned = transport_map(p.affine(turn, s), q.affine(turn, t))(x @ turn.T + s)
    np.testing.assert_allclose(turned, y @ turn.T + t, atol=1e-10)
    for scale in (1e-8, 1e8):
        scaled = transport_map(p.affine(scale), q.affine(scale))
        np.testing.assert_allclose(scaled(scale * x), scale * y, rtol=1e-9)
        np.testing.assert_allclose(scaled((scale * x).astype(np.float32)) / scale, y, atol=2e-5 * np.abs(y).max())


def test_neither_threads_nor_chunks_nor_layout_change_the_answer(rng, monkeypatch):
    p, q = mixture(rng, 4, 3), mixture(rng, 3, 3)
    flat = mixture(rng, 2, 3, 1)
    x = p.sample(20_001, rng=rng)
    move, noisy = transport_map(p, q), transport_map(flat, q, kind="random")
    points = flat.sample(3000, rng=rng)

    def everything():
        return move(x), move.sample(x, rng=5), noisy(points, rng=5), move(x.astype(np.float32))

    monkeypatch.setenv("MIXOT_NUM_THREADS", "1")
    once = everything()
    monkeypatch.setenv("MIXOT_NUM_THREADS", "3")
    monkeypatch.setattr(maps, "_CHUNK", 777)
    for one, other in zip(once, everything(), strict=True):
        np.testing.assert_array_equal(one, other)
    strided = np.zeros((20_001, 5))
    strided[:, 1:4] = x
    strided.flags.writeable = False
    for layout in (strided[:, 1:4], np.asfortranarray(x), x[::-1][::-1], x.tolist(), x.astype(">f8")):
        np.testing.assert_array_equal(move(layout), once[0])


def test_a_seed_repeats_and_a_generator_moves_on(rng):
    p, q = mixture(rng, 3, 2), mixture(rng, 3, 2)
    move, x = transport_map(p, q, kind="random"), p.sample(500, rng=rng)
    np.testing.assert_array_equal(move(x, rng=3), move.sample(x, rng=3))
    generator = np.random.default_rng(3)
    first, second = move(x, rng=generator), move(x, rng=generator)
    np.testing.assert_array_equal(first, move(x, rng=3))
    assert (first != second).any()


def test_a_component_without_mass_moves_nothing(rng):
    p, q = mixture(rng, 3, 2), mixture(rng, 3, 2)
    more = Mixture([*p.weights, 0.0], p.components.append(mixture(rng, 1, 2).components))
    x = p.sample(200, rng=rng)
    np.testing.assert_allclose(transport_map(more, q)(x), transport_map(p, q)(x), atol=1e-12)
    np.testing.assert_allclose(transport_map(more, q).sample(x, rng=1), transport_map(p, q).sample(x, rng=1))


def test_shapes_of_points(rng):
    p, q = mixture(rng, 2, 3), mixture(rng, 2, 3)
    move = transport_map(p, q)
    assert move(np.zeros((0, 3))).shape == (0, 3)
    assert move.sample(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert move([0.0, 1.0, 2.0]).shape == (1, 3)
    assert move(np.arange(6).reshape(2, 3)).dtype == np.float64
    line = transport_map(mixture(rng, 2, 1), mixture(rng, 2, 1))
    assert line([0.0, 1.0]).shape == (2, 1)


@given(seed=st.integers(0, 10_000), d=st.integers(1, 6), k=st.integers(1, 8))
def test_posterior_of_the_compiled_loop_is_that_of_the_log_densities(seed, d, k):
    rng = np.random.default_rng(seed)
    p = mixture(rng, k, d)
    x = p.sample(70, rng=rng) + 20 * rng.standard_normal(d)
    joint = p.components.log_prob(x) + np.log(p.weights)
    top = joint.max(axis=1, keepdims=True)
    log = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
    np.testing.assert_allclose(p.log_density(x), log, rtol=1e-10)
    np.testing.assert_allclose(p.responsibilities(x), np.exp(joint - log[:, None]), atol=1e-9)


@pytest.mark.parametrize(("first", "second"), [(None, None), (1, 1), (1, None), (2, 0)])
@pytest.mark.parametrize("kind", [Gaussian, DiagonalGaussian])
def test_the_joint_law_has_both_marginals_and_the_cost(first, second, kind, rng):
    p, q = mixture(rng, 4, 3, first, kind), mixture(rng, 3, 3, second, kind)
    move = transport_map(p, q, kind="random")
    joint = move.joint()
    assert (joint.dim, len(joint)) == (6, len(move.rows))
    for law, axes in ((p, [0, 1, 2]), (q, [3, 4, 5])):
        side = joint.marginal(axes)
        np.testing.assert_allclose(side.mean(), law.mean(), atol=1e-12)
        np.testing.assert_allclose(side.cov(), law.cov(), atol=1e-12)
    step = joint.affine(np.hstack([-np.eye(3), np.eye(3)]))  # y - x
    assert np.trace(step.cov()) + step.mean() @ step.mean() == pytest.approx(move.plan.cost, abs=1e-7)


def test_no_joint_law_outside_the_gaussian_families():
    p, q = Mixture([1.0], Exponential([1.0])), Mixture([1.0], Exponential([2.0]))
    with pytest.raises(UnsupportedError, match="draw from its law"):
        transport_map(p, q).joint()


def test_pairs_without_a_map_are_named_up_to_the_fifth(rng):
    ball = mixture(rng, 1, 3, 3)
    for k, said in ((5, r"\(4, 0\) of p"), (6, r"\(4, 0\), \.\.\. of p")):
        with pytest.raises(UnsupportedError, match=said):
            transport_map(mixture(rng, k, 3, 1), ball)


def test_pieces_beyond_a_gibibyte_lose_their_tails():
    w = np.full((30, 30), 1e-10)
    np.fill_diagonal(w, 1 / 30 - 29e-10)
    joined = replace(Exact().solve(w, w.sum(axis=1), w.sum(axis=0)), coupling=w)
    assert len(maps._pairs(joined, 100, None)[0]) == 900
    rows, cols, rest = maps._pairs(joined, 200, None)  # 64 * 900 * 200^2 bytes
    np.testing.assert_array_equal(rows, np.arange(30))
    np.testing.assert_array_equal(cols, np.arange(30))
    assert rest == pytest.approx(870e-10)
