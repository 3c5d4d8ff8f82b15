"""The JAX front: gradients, jit, vmap, precision, and a mixture that learns another."""

import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

import mixot  # noqa: E402
from mixot import OMT, Gaussian, InputError, Mixture, Samples, UnsupportedError  # noqa: E402
from mixot.jax import (  # noqa: E402
    Grid,
    TransportLoss,
    cells,
    centroids,
    cost,
    distance,
    entropic_cost,
    sinkhorn_divergence,
)


@pytest.fixture(autouse=True)
def _double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def mixture(rng, k, d):
    """Logits of the weights, means, factors of the covariances."""
    arrays = rng.standard_normal(k), rng.standard_normal((k, d)), rng.standard_normal((k, d, d)) / d + np.eye(d)
    return tuple(jnp.asarray(array) for array in arrays)


def law(logits, means, factors):
    return jax.nn.softmax(logits), means, factors @ factors.mT


def assert_gradients(rng, f, *inputs, rtol=1e-7, h=1e-4):
    """Reverse and forward mode along random directions, against central differences of fourth order."""
    f = jax.jit(f)
    value, gradients = jax.value_and_grad(f, argnums=tuple(range(len(inputs))))(*inputs)
    assert float(value) == pytest.approx(float(f(*inputs)), rel=1e-14)
    steps = jax.tree.map(lambda x: jnp.asarray(rng.standard_normal(x.shape)), inputs)
    slope = sum(float((g * t).sum()) for g, t in zip(jax.tree.leaves(gradients), jax.tree.leaves(steps), strict=True))
    size = sum(float((g**2).sum()) for g in jax.tree.leaves(gradients)) ** 0.5

    def moved(t):
        return float(f(*jax.tree.map(lambda x, step: x + t * step, inputs, steps)))

    numeric = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    assert slope == pytest.approx(numeric, rel=0, abs=rtol * size)
    assert float(jax.jvp(f, inputs, steps)[1]) == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize(("function", "d", "k"), [(cost, 1, 3), (distance, 2, 3), (cost, 3, 1), (cost, 5, 3)])
def test_mixtures(rng, d, k, function):
    assert_gradients(rng, lambda p, q: function(law(*p), law(*q)), mixture(rng, k, d), mixture(rng, k + 1, d))


def test_clouds(rng):
    x, y, logits = (jnp.asarray(rng.standard_normal(shape)) for shape in ((6, 2), (5, 2), (5,)))
    assert_gradients(rng, lambda x, y, a: distance(x, (y, jax.nn.softmax(a))), x, y, logits)


@pytest.mark.parametrize("degree", [0, 1])
def test_points_and_pixels(rng, degree):
    x, values = jnp.asarray(rng.standard_normal((6, 2))), jnp.asarray(rng.uniform(0.5, 2.0, (4, 5)))
    box = ((-3.0, 2.0), (-2.0, 3.0))
    assert_gradients(rng, lambda x, v: cost(x, Grid(v, box, degree)), x, values, h=1e-3)
    grid = Grid(values, box, degree)
    assert jax.jit(cost)(x, grid) == cost(x, grid)
    assert jax.grad(cost, argnums=1)(x, grid).values.shape == (4, 5)


@pytest.mark.parametrize("shape", [(6,), (3, 4, 2)])
def test_points_on_a_line_or_in_space_and_a_grid(rng, shape):
    d = len(shape)
    x, values = jnp.asarray(rng.standard_normal((6, d))), jnp.asarray(rng.uniform(0.5, 2.0, shape))
    assert_gradients(rng, lambda x, v: cost(x, Grid(v, ((-3.0, 2.0),) * d, 1)), x, values, h=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_points_and_a_mixture(rng, d):
    x = jnp.asarray(rng.standard_normal((7, d)))
    assert_gradients(rng, lambda x, q: distance(x, law(*q)), x, mixture(rng, 2, d), h=1e-3)


def test_equal_eigenvalues_and_equal_components(rng):
    means = jnp.asarray(np.repeat(rng.standard_normal((2, 3)), 2, axis=0))
    covs, weights = jnp.stack([jnp.eye(3)] * 4), jnp.full(4, 0.25)
    _, in_means, in_covs = jax.grad(cost)((weights, means, covs), (weights, means + 1, 4 * covs))
    np.testing.assert_allclose(in_covs, -0.25 * covs, atol=1e-14)
    np.testing.assert_allclose(in_means, np.full((4, 3), -0.5), atol=1e-14)


@pytest.mark.parametrize("function", [cost, distance])
def test_between_a_mixture_and_itself(rng, function):
    p = law(*mixture(rng, 3, 2))
    value, gradients = jax.value_and_grad(function)(p, p)
    assert value == 0
    assert all(not g.any() for g in gradients)


def test_compiled_or_not_the_same(rng):
    p, q = law(*mixture(rng, 3, 2)), law(*mixture(rng, 4, 2))
    plain = jax.value_and_grad(distance, argnums=(0, 1))(p, q)
    compiled = jax.jit(jax.value_and_grad(distance, argnums=(0, 1)))(p, q)
    inside = jax.value_and_grad(jax.jit(distance), argnums=(0, 1))(p, q)
    for other in (compiled, inside):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-14, atol=1e-15), plain, other)


def test_vmap_is_a_loop(rng):
    x, y = jnp.asarray(rng.standard_normal((4, 5, 2))), jnp.asarray(rng.standard_normal((6, 2)))
    each = jnp.stack([jax.grad(cost)(a, y) for a in x])
    for wrap in (lambda f: f, jax.jit):
        got = wrap(jax.vmap(jax.value_and_grad(cost), (0, None)))(x, y)
        np.testing.assert_allclose(got[0], jnp.stack([cost(a, y) for a in x]), rtol=1e-14)
        np.testing.assert_allclose(got[1], each, rtol=1e-14)
        total = wrap(jax.grad(lambda x: jax.vmap(cost, (0, None))(x, y).sum()))(x)
        np.testing.assert_allclose(total, each, rtol=1e-14)


def test_a_batch_is_a_loop_and_vmap_is_a_batch(rng, monkeypatch):
    p, q = (
        tuple(jnp.stack(x) for x in zip(*(law(*mixture(rng, k, 2)) for _ in range(4)), strict=True)) for k in (3, 2)
    )
    each = jnp.stack([cost(tuple(x[i] for x in p), tuple(x[i] for x in q)) for i in range(4)])
    np.testing.assert_allclose(cost(p, q), each, rtol=1e-13)
    expected = jax.grad(lambda m: sum(cost((p[0][i], m[i], p[2][i]), tuple(x[i] for x in q)) for i in range(4)))(p[1])
    calls = []
    solve = mixot.transport.cost_functions.couple
    monkeypatch.setattr(
        "mixot.transport.cost_functions.couple", lambda p, q, **options: calls.append(len(p)) or solve(p, q, **options)
    )
    for batched in (
        jax.grad(lambda m: cost((p[0], m, p[2]), q).sum()),
        lambda m: jax.vmap(jax.grad(cost))((p[0], m, p[2]), q)[1],
        jax.jit(jax.grad(lambda m: jax.vmap(cost)((p[0], m, p[2]), q).sum())),
    ):
        np.testing.assert_allclose(batched(p[1]), expected, atol=1e-13)
    assert set(calls) == {4}
    one = tuple(x[0] for x in q)
    shared = jax.vmap(cost, (0, None))(p, one)
    np.testing.assert_allclose(cost(p, one), shared, rtol=1e-14)
    with pytest.raises(InputError, match="4 measures in p and 3 in q"):
        cost(p, tuple(x[:3] for x in q))


def test_entropic_losses_are_differentiated_twice(rng):
    (logits, means, factors), other = mixture(rng, 3, 2), law(*mixture(rng, 2, 2))
    solver = OMT(lam=0.6, eps=0.1, rho=(np.inf, 2.0))

    def loss(means, logits=logits, factors=factors):
        p = law(logits, means, factors)
        return sinkhorn_divergence(p, other, solver=solver) + entropic_cost(p, other, solver=solver)

    assert_gradients(rng, loss, means, logits, factors)
    hessian = jax.hessian(loss)(means)
    step = jnp.asarray(rng.standard_normal(means.shape))
    slope = jax.jit(jax.grad(loss))
    numeric = (slope(means + 1e-5 * step) - slope(means - 1e-5 * step)) / 2e-5
    np.testing.assert_allclose(jnp.tensordot(hessian, step), numeric, atol=1e-7)
    for other_way in (jax.jit(jax.jacrev(jax.grad(loss))), jax.jacrev(jax.jacfwd(loss))):
        np.testing.assert_allclose(other_way(means), hessian, atol=1e-12)
    stack = jnp.stack([means, means + 0.1])
    np.testing.assert_allclose(jax.vmap(jax.hessian(loss))(stack)[0], hessian, atol=1e-12)
    mixed = jax.jacfwd(jax.grad(loss), argnums=1)(means, logits)
    np.testing.assert_allclose(
        mixed, jnp.moveaxis(jax.jacrev(jax.grad(loss, argnums=1))(means, logits), 0, -1), atol=1e-12
    )
    with pytest.raises(UnsupportedError, match="twice at most"):
        jax.jacfwd(jax.hessian(loss))(means)


def test_inside_scan_and_checkpoint(rng):
    x, y = jnp.asarray(rng.standard_normal((2, 5, 2)))

    def descend(x, _):
        return x - 0.5 * jax.grad(jax.checkpoint(cost))(x, y), cost(x, y)

    with jax.checking_leaks():
        last, costs = jax.lax.scan(descend, x, None, length=30)
    assert costs[-1] < 1e-2 * costs[0]
    assert cost(last, y) < costs[-1]


def test_bounds_of_a_grid_are_differentiated(rng):
    x, values = jnp.asarray(rng.standard_normal((6, 2))), jnp.asarray(rng.uniform(0.5, 2.0, (4, 5)))
    bounds = jnp.array([[-3.0, 2.0], [-2.0, 3.0]])
    assert_gradients(rng, lambda b: cost(x, Grid(values, b, 1)), bounds, h=1e-3)
    found = jax.grad(cost, argnums=1)(x, Grid(values, bounds))
    np.testing.assert_allclose(found.bounds, jax.grad(lambda b: cost(x, Grid(values, b)))(bounds), atol=1e-13)


def test_a_loss_with_a_state_says_what_cost_says(rng):
    grid = Grid(jnp.asarray(rng.uniform(0.5, 2.0, (12, 12))), ((0, 1), (0, 1)))
    start, loss = jnp.asarray(rng.random((40, 2))), TransportLoss(grid)
    slope = jax.value_and_grad(loss, has_aux=True)

    def descend(carry, _):
        x, state = carry
        (value, state), gradient = slope(x, state)
        return (x - 10 * gradient, state), (value, cost(x, grid), gradient - jax.grad(cost)(x, grid))

    (end, state), (values, expected, off) = jax.jit(lambda x: jax.lax.scan(descend, (x, loss.init(x)), None, 6))(start)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    assert jnp.abs(off).max() < 1e-7
    assert state.summary.calls == 6
    assert state.summary.warm >= 4
    assert "started warm" in str(state.summary)
    value, _ = loss(end[::-1], state)  # everybody elsewhere
    np.testing.assert_allclose(value, cost(end, grid), rtol=1e-9)
    with pytest.raises(InputError, match="call init again"):
        loss(end[:3], state)
    with pytest.raises(UnsupportedError, match="differentiated again"):
        jax.hessian(lambda x: loss(x, state)[0])(end)


def test_masses_and_centers_of_cells_are_differentiated(rng):
    x, w = jnp.asarray(rng.random((6, 2))), jnp.asarray(0.02 * rng.random(6))
    grid = Grid(jnp.asarray(rng.uniform(0.5, 2.0, (4, 5))), ((0, 1), (0, 1)), 1)
    push = jnp.asarray(rng.standard_normal(6)), jnp.asarray(rng.standard_normal((6, 2)))
    step = jnp.asarray(rng.standard_normal((6, 2))), jnp.asarray(rng.standard_normal(6))

    def of_cells(x, w):
        return sum((a * b).sum() for a, b in zip(cells(x, w, grid), push, strict=True))

    def of_centers(x, logits):
        return (centroids((x, jax.nn.softmax(logits)), grid) * push[1]).sum()

    for function in (of_cells, of_centers, jax.jit(of_cells), jax.jit(of_centers)):
        slopes = jax.grad(function, argnums=(0, 1))(x, w)
        found = sum(float((a * b).sum()) for a, b in zip(slopes, step, strict=True))
        ends = [function(x + t * step[0], w + t * step[1]) for t in (1e-5, -1e-5)]
        assert found == pytest.approx(float(ends[0] - ends[1]) / 2e-5, rel=1e-4)
    with pytest.raises(UnsupportedError, match="differentiated again"):
        jax.grad(lambda x: (jax.grad(of_cells)(x, w) ** 2).sum())(x)


def test_functions_are_those_of_numpy(rng):
    p, q = law(*mixture(rng, 3, 2)), law(*mixture(rng, 4, 2))
    in_numpy = [Mixture(w, Gaussian(m, s)) for w, m, s in (p, q)]
    assert float(distance(p, q)) == pytest.approx(mixot.distance(*in_numpy), rel=1e-14)
    assert float(distance(*in_numpy)) == pytest.approx(mixot.distance(*in_numpy), rel=1e-14)
    x, y = rng.standard_normal((2, 6, 2))
    assert float(distance(x, Samples(y))) == pytest.approx(mixot.distance(x, y), rel=1e-14)
    pixels = mixot.Grid(rng.random((5, 4)))
    assert float(distance(x, pixels)) == pytest.approx(mixot.distance(x, pixels), rel=1e-9)


def test_float32_arrays_keep_their_type(rng):
    p, q = (jax.tree.map(lambda x: x.astype(jnp.float32), law(*mixture(rng, k, 2))) for k in (3, 4))
    value, gradients = jax.value_and_grad(cost)(p, q)
    assert value.dtype == jnp.float32
    assert all(g.dtype == jnp.float32 for g in gradients)
    assert cost(p, jax.tree.map(lambda x: x.astype(jnp.float64), q)).dtype == jnp.float64


def test_single_precision_is_refused_with_the_cure(rng):
    p = law(*mixture(rng, 3, 2))
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(UnsupportedError, match=r'jax\.config\.update\("jax_enable_x64", True\)'):
        cost(p, p)


@pytest.mark.parametrize(
    "second",
    [
        lambda f: jax.hessian(f),
        lambda f: jax.jit(jax.hessian(f)),
        lambda f: jax.jacrev(jax.grad(f)),
        lambda f: jax.grad(lambda x: (jax.grad(f)(x) ** 2).sum()),
    ],
)
def test_second_derivatives_are_refused_by_name(rng, second):
    x, y = jnp.asarray(rng.standard_normal((2, 4, 2)))
    with pytest.raises(UnsupportedError, match="differentiated again"):
        second(lambda x: cost(x, y))(x)


def test_bad_input_is_named(rng):
    weights, means, covs = law(*mixture(rng, 2, 2))
    with pytest.raises(InputError, match="sum to one"):
        cost((2 * weights, means, covs), (weights, means, covs))
    with pytest.raises(InputError, match="same space"):
        jax.grad(cost)(means, jnp.zeros((3, 3)))
    with pytest.raises(Exception, match="sum to one"):  # an error of JAX that quotes ours
        jax.block_until_ready(jax.jit(cost)((2 * weights, means, covs), (weights, means, covs)))


def test_training_recovers_a_mixture(rng):
    """Weights, means and covariances, all at once. Wrong weights move mass far: their steps are short, and shrink."""
    _, means, covs = law(*mixture(rng, 3, 2))
    target = jnp.array([0.2, 0.3, 0.5]), 4 * means, covs
    slope = jax.jit(jax.grad(lambda inputs: cost(law(*inputs), target)))
    inputs = jnp.zeros(3), target[1] + rng.normal(0, 0.5, (3, 2)), jnp.stack([jnp.eye(2)] * 3)
    for step in range(120):
        steps = 0.03 * 0.95**step, 1.0, 1.0
        inputs = jax.tree.map(lambda x, g, length: x - length * g, inputs, slope(inputs), steps)
    for found, true in zip(law(*inputs), target, strict=True):
        np.testing.assert_allclose(found, true, rtol=0, atol=0.02)


def test_the_front_loads_no_other_framework():
    code = "import mixot.jax, sys; print(*[m for m in ('torch', 'ot', 'sklearn', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split() == []
