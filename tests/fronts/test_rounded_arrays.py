"""Both differentiable fronts where rounding speaks: half precision, equal mixtures, and arrays of no size."""

import numpy as np
import pytest

import mixot
from mixot import InputError, Samples

torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")

import mixot.jax as jax_front  # noqa: E402
import mixot.torch as torch_front  # noqa: E402

X = np.random.default_rng(0).normal(size=(200, 2))
LOGITS = np.random.default_rng(1).normal(size=200)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        yield


def by_torch(name, size=None):
    logits = torch.tensor(LOGITS[:size]).to(getattr(torch, name))
    return torch.softmax(logits, 0), torch.tensor(X[:size]).to(logits.dtype), torch_front.cost


def by_jax(name, size=None):
    logits = jax.numpy.array(LOGITS[:size]).astype(name)
    return jax.nn.softmax(logits), jax.numpy.array(X[:size]).astype(name), jax_front.cost


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("make", [by_torch, by_jax])
def test_softmax_of_half_precision_is_normalised(name, make):
    for size in (3, 200):
        weights, points, cost = make(name, size)
        exact = np.array(weights.tolist())
        p = Samples(np.array(points.tolist()), exact / exact.sum())
        q = np.array([[1.0, 2.0]])
        found = cost((points, weights), q)
        assert str(found.dtype).endswith(name if make is by_torch else "float64")
        assert float(found) == pytest.approx(
            mixot.distance(p, Samples(q)) ** 2, rel=1e-2 if make is by_torch else 1e-12
        )
        for far in (0.9, 1.1):
            with pytest.raises(InputError, match="weights must sum to one"):
                cost((points, weights * far), q)


def test_types_of_more_digits_are_held_to_them():
    weights = np.array([0.5, 0.49609375])  # what bfloat16 could make of one half, but it came in float32
    with pytest.raises(InputError, match="weights must sum to one"):
        torch_front.cost((torch.zeros(2, 1), torch.tensor(weights).float()), torch.zeros(1, 1))
    torch_front.cost((torch.zeros(2, 1), torch.tensor(weights).bfloat16()), torch.zeros(1, 1))


def test_half_precision_in_a_batch_and_under_jit():
    rows = torch.softmax(torch.tensor(LOGITS[:12].reshape(3, 4)).bfloat16(), 1)
    mixtures = rows, torch.zeros(3, 4, 2), torch.ones(3, 4)
    one = torch.ones(1), torch.ones(1, 2), torch.ones(1)
    np.testing.assert_allclose(torch_front.cost(mixtures, one), 2.0, rtol=1e-6)
    weights, points, cost = by_jax("bfloat16")
    q = np.array([[1.0, 2.0]])
    assert float(jax.jit(lambda w: cost((points, w), q))(weights)) == float(cost((points, weights), q))


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_of_a_mixture_to_itself_has_no_slope_in_the_weights(seed):
    rng = np.random.default_rng(seed)
    logits, means, roots = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=(5, 3, 3))
    covs, turn = roots @ roots.swapaxes(1, 2), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    again = turn.T @ (turn @ covs @ turn.T) @ turn  # the same up to rounding
    again = (again + again.swapaxes(1, 2)) / 2
    w = np.exp(logits) / np.exp(logits).sum()
    other = np.exp(logits + 3.3) / np.exp(logits + 3.3).sum()
    leaf = torch.tensor(w, requires_grad=True)
    apart = torch_front.distance((leaf, torch.tensor(means), torch.tensor(covs)), (other, means, again))
    apart.backward()
    assert 0 < apart.item() < 1e-12
    assert leaf.grad.abs().max() == 0
    slope = jax.grad(lambda w: jax_front.distance((w, means, covs), (other, means, again)))(jax.numpy.array(w))
    assert np.abs(slope).max() == 0
    near = jax.grad(lambda w: jax_front.distance((w, means, covs), (other, means + 1e-6, again)))(jax.numpy.array(w))
    assert np.abs(near).max() > 0  # a distance of 1e-6 is no rounding


@pytest.mark.parametrize("front", [torch_front, jax_front])
def test_no_coordinates_and_batches_of_densities_are_refused_by_name(front):
    array = torch.ones if front is torch_front else jax.numpy.ones
    flat = array((2, 1, 0))
    for p in (array((3, 0)), array((2, 3, 0)), (array((2, 1)), flat, array((2, 1, 0, 0)))):
        with pytest.raises(InputError, match=r"(points|means) must have at least one coordinate, got shape"):
            front.cost(p, p)
    grid = front.Grid(array((2, 5, 5)))
    for p, q in ((array((2, 4, 2)), grid), (grid, (array((4, 2)), array(4) / 4)), (array((4, 2)), [grid, grid])):
        with pytest.raises(
            InputError, match="a Grid is one density, there is no batch of them; map over them with vmap"
        ):
            front.cost(p, q)
    mapped = (torch.vmap if front is torch_front else jax.vmap)(lambda v: front.cost(array((4, 2)), front.Grid(v)))
    assert mapped(array((2, 5, 5))).shape == (2,)
