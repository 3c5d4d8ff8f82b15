"""The PyTorch front: gradients, transforms, types, and a mixture that learns another."""

import subprocess
import sys
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import mixot  # noqa: E402
from mixot import OMT, Gaussian, InputError, Mixture, Samples, UnsupportedError  # noqa: E402
from mixot.torch import (  # noqa: E402
    Grid,
    TransportLoss,
    cells,
    centroids,
    cost,
    distance,
    entropic_cost,
    sinkhorn_divergence,
)

F64 = torch.float64


def mixture(rng, k, d, dtype=F64):
    """Logits of the weights, means, factors of the covariances."""
    arrays = rng.standard_normal(k), rng.standard_normal((k, d)), rng.standard_normal((k, d, d)) / d + np.eye(d)
    return [torch.tensor(array, dtype=dtype, requires_grad=True) for array in arrays]


def law(logits, means, factors):
    return logits.softmax(0), means, factors @ factors.mT


def points(rng, n, d, dtype=F64):
    return torch.tensor(rng.standard_normal((n, d)), dtype=dtype, requires_grad=True)


# Forward mode loads rules that PyTorch itself compiles in a way it deprecates.
forward_mode = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")


@pytest.mark.parametrize(("function", "d", "k"), [(cost, 1, 3), (distance, 2, 3), (cost, 3, 2), (cost, 5, 1)])
def test_gradcheck_of_mixtures(rng, d, k, function):
    inputs = mixture(rng, k, d) + mixture(rng, k, d)
    torch.autograd.gradcheck(lambda *x: function(law(*x[:3]), law(*x[3:])), inputs)


@forward_mode
def test_gradcheck_in_every_mode(rng):
    inputs = mixture(rng, 2, 2) + mixture(rng, 3, 2)
    options = {"check_batched_grad": True, "check_forward_ad": True}
    torch.autograd.gradcheck(lambda *x: distance(law(*x[:3]), law(*x[3:])), inputs, **options)


def test_gradcheck_of_raw_covariances(rng):
    """One entry moved on its own: the function sees the symmetric part, and the gradient is symmetric."""
    weights, means, covs = law(*(x.detach() for x in mixture(rng, 3, 3)))
    other = law(*(x.detach() for x in mixture(rng, 2, 3)))
    covs.requires_grad_()
    torch.autograd.gradcheck(lambda c: cost((weights, means, c), other), covs)


@pytest.mark.parametrize("function", [cost, distance])
def test_gradcheck_of_clouds(rng, function):
    x, y = points(rng, 6, 2), points(rng, 5, 2)
    logits = torch.tensor(rng.standard_normal(5), requires_grad=True)
    torch.autograd.gradcheck(lambda x, y, a: function(x, (y, a.softmax(0))), (x, y, logits))


@pytest.mark.parametrize("degree", [0, 1])
def test_gradcheck_of_points_and_pixels(rng, degree):
    x, values = points(rng, 6, 2), torch.tensor(rng.uniform(0.5, 2.0, (4, 5)), requires_grad=True)
    torch.autograd.gradcheck(lambda x, v: distance(x, Grid(v, ((-2, 2), (-2, 3)), degree)), (x, values))


def test_bounds_of_a_grid_are_differentiated(rng):
    x, values = points(rng, 6, 2), torch.tensor(rng.uniform(0.5, 2.0, (4, 5)), requires_grad=True)
    bounds = torch.tensor([[-2.0, 2.0], [-2.0, 3.0]], dtype=F64, requires_grad=True)
    torch.autograd.gradcheck(lambda x, v, b: cost(x, Grid(v, b, 1)), (x, values, bounds), fast_mode=True)


@pytest.mark.parametrize("shape", [(6,), (3, 4, 2)])
def test_gradcheck_of_points_on_a_line_or_in_space_and_a_grid(rng, shape):
    d = len(shape)
    x, values = points(rng, 6, d), torch.tensor(rng.uniform(0.5, 2.0, shape), requires_grad=True)
    torch.autograd.gradcheck(lambda x, v: distance(x, Grid(v, ((-2, 3),) * d)), (x, values))


@pytest.mark.parametrize("d", [2, 3])
def test_gradcheck_of_points_and_a_mixture(rng, d):
    x, inputs = points(rng, 7, d), mixture(rng, 2, d)
    torch.autograd.gradcheck(lambda x, *y: cost(x, law(*y)), (x, *inputs))


def test_equal_eigenvalues_and_equal_components(rng):
    means = torch.tensor(np.repeat(rng.standard_normal((2, 3)), 2, axis=0), requires_grad=True)
    covs = torch.eye(3, dtype=F64).repeat(4, 1, 1).requires_grad_()
    weights = torch.full((4,), 0.25, dtype=F64)
    cost((weights, means, covs), (weights, means.detach() + 1, 4 * covs.detach())).backward()
    torch.testing.assert_close(covs.grad, -0.25 * torch.eye(3, dtype=F64).repeat(4, 1, 1))
    torch.testing.assert_close(means.grad, torch.full((4, 3), -0.5, dtype=F64))


@pytest.mark.parametrize("function", [cost, distance])
def test_between_a_mixture_and_itself(rng, function):
    inputs = mixture(rng, 3, 2)
    value = function(law(*inputs), law(*(x.detach() for x in inputs)))
    value.backward()
    assert value.item() == 0
    assert all(not x.grad.any() for x in inputs)


def test_any_subset_may_want_a_gradient(rng):
    inputs, other = mixture(rng, 3, 2), law(*(x.detach() for x in mixture(rng, 4, 2)))
    every = torch.autograd.grad(cost(law(*inputs), other), inputs)
    for at in range(3):
        some = [x if i == at else x.detach() for i, x in enumerate(inputs)]
        (one,) = torch.autograd.grad(cost(law(*some), other), some[at])
        torch.testing.assert_close(one, every[at], rtol=0, atol=0)
    with torch.no_grad():
        assert not cost(law(*inputs), other).requires_grad


def test_functions_are_those_of_numpy(rng):
    p, q = ([x.detach() for x in law(*mixture(rng, 3, 2))] for _ in range(2))
    in_numpy = [Mixture(w.numpy(), Gaussian(m.numpy(), s.numpy())) for w, m, s in (p, q)]
    assert distance(tuple(p), tuple(q)).item() == pytest.approx(mixot.distance(*in_numpy), rel=1e-14)
    assert distance(*in_numpy).item() == pytest.approx(mixot.distance(*in_numpy), rel=1e-14)
    x, y = rng.standard_normal((2, 6, 2))
    assert distance(torch.tensor(x), Samples(y)).item() == pytest.approx(mixot.distance(x, y), rel=1e-14)
    pixels = mixot.Grid(rng.random((5, 4)))
    assert distance(torch.tensor(x), pixels).item() == pytest.approx(mixot.distance(x, pixels), rel=1e-9)


def test_float32_stays_float32(rng):
    inputs = mixture(rng, 3, 2, torch.float32)
    other = [x.detach() for x in mixture(rng, 4, 2)]
    value = cost(law(*inputs), law(*(x.float() for x in other)))
    value.backward()
    assert value.dtype == torch.float32
    assert all(x.grad.dtype == torch.float32 for x in inputs)
    wide = [x.detach().double().requires_grad_() for x in inputs]
    exact = cost(law(*wide), law(*other))
    exact.backward()
    assert value.item() == pytest.approx(exact.item(), rel=1e-6)
    for x, y in zip(inputs, wide, strict=True):
        torch.testing.assert_close(x.grad.double(), y.grad, rtol=1e-4, atol=1e-5)
    assert cost(law(*inputs), law(*other)).dtype == F64
    half = torch.randn(4, 2).bfloat16().requires_grad_()
    cost(half, half.detach() + 1).backward()
    assert half.grad.dtype == torch.bfloat16


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device at hand")
def test_device_stays(rng):
    inputs = [x.detach().cuda().requires_grad_() for x in mixture(rng, 3, 2)]
    value = distance(law(*inputs), law(*(x.detach() for x in mixture(rng, 4, 2))))
    value.backward()
    assert value.is_cuda
    assert all(x.grad.is_cuda for x in inputs)


def test_vmap_is_a_loop(rng):
    x, y = torch.tensor(rng.standard_normal((4, 5, 2))), points(rng, 6, 2).detach()
    gradient = torch.func.grad(cost)
    torch.testing.assert_close(torch.vmap(cost, (0, None))(x, y), torch.stack([cost(a, y) for a in x]))
    each = torch.stack([gradient(a, y) for a in x])
    torch.testing.assert_close(torch.vmap(gradient, (0, None))(x, y), each)
    torch.testing.assert_close(torch.func.grad(lambda x: torch.vmap(cost, (0, None))(x, y).sum())(x), each)
    moved = x.movedim(0, -1)
    torch.testing.assert_close(torch.vmap(gradient, (-1, None))(moved, y), each)


def batch(rng, b, k, d):
    arrays = rng.standard_normal((b, k)), rng.standard_normal((b, k, d)), rng.standard_normal((b, k, d, d)) / d
    logits, means, factors = (torch.tensor(array, requires_grad=True) for array in arrays)
    return [logits, means, factors]


def laws(logits, means, factors):
    return logits.softmax(-1), means, factors @ factors.mT + torch.eye(means.shape[-1], dtype=F64)


def test_a_batch_is_a_loop_and_vmap_is_a_batch(rng, monkeypatch):
    p, q = batch(rng, 4, 3, 2), batch(rng, 4, 2, 2)
    each = torch.stack([cost(laws(*one[:3]), laws(*one[3:])) for one in zip(*p, *q, strict=True)])
    values = cost(laws(*p), laws(*q))
    torch.testing.assert_close(values, each)
    weight = torch.tensor(rng.random(4))
    expected = torch.autograd.grad((weight * each).sum(), (*p, *q), retain_graph=True)
    for found, wanted in zip(torch.autograd.grad((weight * values).sum(), (*p, *q)), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    calls = []
    solve = mixot.transport.cost_functions.couple
    monkeypatch.setattr(
        "mixot.transport.cost_functions.couple", lambda p, q, **options: calls.append(len(p)) or solve(p, q, **options)
    )
    gradient = torch.vmap(torch.func.grad(lambda m, a, f, *y: cost(laws(a, m, f), laws(*y))))
    found = gradient(p[1], p[0], p[2], *q)
    (wanted,) = torch.autograd.grad(each.sum(), p[1])
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    assert calls == [4]


@forward_mode
def test_gradcheck_of_a_batch(rng):
    inputs, other = batch(rng, 2, 3, 2), [x.detach()[0] for x in batch(rng, 1, 2, 2)]
    options = {"check_batched_grad": True, "check_forward_ad": True}
    torch.autograd.gradcheck(lambda *x: distance(laws(*x), laws(*other)), inputs, **options)
    variances = torch.tensor(rng.uniform(0.5, 2.0, (2, 3)), requires_grad=True)
    torch.autograd.gradcheck(
        lambda m, v: cost((inputs[0].detach().softmax(-1), m, v), laws(*other)), (inputs[1], variances)
    )
    diagonal = torch.tensor(rng.uniform(0.5, 2.0, (2, 3, 2)), requires_grad=True)
    cost((inputs[0].detach().softmax(-1), inputs[1].detach(), diagonal), laws(*other)).sum().backward()
    assert diagonal.grad.add_(1.0).shape == (2, 3, 2)  # its memory is its own
    x, y = torch.tensor(rng.standard_normal((2, 4, 2)), requires_grad=True), points(rng, 3, 2)
    torch.autograd.gradcheck(lambda x, y: cost(x, y), (x, y))
    torch.testing.assert_close(cost([x[0], x[1]], y), cost(x, y))


@forward_mode
@pytest.mark.parametrize("function", [entropic_cost, sinkhorn_divergence])
def test_entropic_losses_are_differentiated_twice(rng, function):
    inputs = batch(rng, 1, 2, 2)
    other = [x.detach()[0] for x in batch(rng, 1, 1, 2)]
    solver = OMT(lam=0.6, eps=0.1, rho=(np.inf, 2.0))

    def loss(*x):
        return function(laws(*x), laws(*other), solver=solver)

    fast = {"fast_mode": True, "atol": 1e-4}  # along random directions, in single steps of 1e-6
    torch.autograd.gradcheck(loss, inputs, check_batched_grad=True, check_forward_ad=True, **fast)
    torch.autograd.gradgradcheck(loss, inputs, check_fwd_over_rev=True, **fast)
    means = inputs[1].detach()

    def total(means):
        return loss(inputs[0].detach(), means, inputs[2].detach()).sum()

    hessian = torch.func.hessian(total)(means)
    torch.testing.assert_close(hessian, torch.autograd.functional.hessian(total, means))
    torch.testing.assert_close(hessian, torch.func.jacrev(torch.func.grad(total))(means))
    for third in (
        lambda: torch.autograd.grad(hessian_sum(total, inputs[1]), inputs[1]),
        lambda: torch.func.jacfwd(torch.func.hessian(total))(means),
    ):
        with pytest.raises(UnsupportedError, match="twice at most"):
            third()


def hessian_sum(f, x):
    (slope,) = torch.autograd.grad(f(x), x, create_graph=True)
    (bent,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
    return bent.sum()


def test_a_list_of_unequal_clouds_says_which(rng):
    with pytest.raises(InputError, match=r"one shape, got \(4, 2\) at 0 and \(3, 2\) at 1"):
        cost([points(rng, 4, 2), points(rng, 3, 2)], points(rng, 4, 2))
    with pytest.raises(InputError, match="3 measures in p and 2 in q"):
        cost(torch.zeros(3, 4, 2), torch.zeros(2, 4, 2))


@forward_mode
def test_forward_and_reverse_agree(rng):
    x, y = points(rng, 4, 2).detach(), points(rng, 6, 2).detach()
    torch.testing.assert_close(torch.func.jacfwd(distance)(x, y), torch.func.jacrev(distance)(x, y))


@forward_mode
@pytest.mark.parametrize(
    "second",
    [
        lambda f, x: torch.autograd.functional.hessian(f, x),
        lambda f, x: torch.func.hessian(f)(x),
        lambda f, x: torch.func.jacrev(torch.func.grad(f))(x),
        lambda f, x: torch.autograd.grad(torch.autograd.grad(f(x), x, create_graph=True)[0].sum(), x),
    ],
)
def test_second_derivatives_are_refused_by_name(rng, second):
    y = points(rng, 5, 2).detach()
    with pytest.raises(UnsupportedError, match="differentiated again"):
        second(lambda x: cost(x, y), points(rng, 4, 2))


def test_bad_input_is_named(rng):
    weights, means, covs = law(*(x.detach() for x in mixture(rng, 2, 2)))
    with pytest.raises(InputError, match="sum to one"):
        cost((2 * weights, means, covs), (weights, means, covs))
    with pytest.raises(InputError, match="same space"):
        cost(means, torch.zeros(3, 3))
    with pytest.raises(InputError, match="symmetric"):
        cost((weights, means, covs + torch.tensor([[0.0, 1.0], [0.0, 0.0]])), (weights, means, covs))
    with pytest.raises(InputError, match="finite"):
        cost(means * torch.nan, means)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_complex_numbers_are_refused(rng, dtype):
    weights, means, covs = law(*(x.detach() for x in mixture(rng, 2, 2)))
    for arguments in (
        (means.to(dtype), means),
        (means, means.to(dtype)),
        ((weights, means.to(dtype), covs), (weights, means, covs)),
        ((weights, means, covs), (weights.to(dtype), means, covs)),
    ):
        with pytest.raises(InputError, match="real numbers, got complex"):
            cost(*arguments)


def test_training_recovers_a_mixture(rng):
    """Weights, means and covariances, all at once. Wrong weights move mass far: their steps are short, and shrink."""
    target = law(*(x.detach() for x in mixture(rng, 3, 2)))
    target = torch.tensor([0.2, 0.3, 0.5], dtype=F64), 4 * target[1], target[2]
    means = (target[1] + torch.tensor(rng.normal(0, 0.5, (3, 2)))).requires_grad_()
    logits = torch.zeros(3, dtype=F64, requires_grad=True)
    factors = torch.eye(2, dtype=F64).repeat(3, 1, 1).requires_grad_()
    descent = torch.optim.SGD([{"params": [logits], "lr": 0.03}, {"params": [means, factors], "lr": 1.0}])
    for _ in range(120):
        descent.zero_grad()
        cost(law(logits, means, factors), target).backward()
        descent.step()
        descent.param_groups[0]["lr"] *= 0.95
    for found, true in zip(law(logits, means, factors), target, strict=True):
        torch.testing.assert_close(found, true, rtol=0, atol=0.02)


def test_points_settle_on_pixels(rng):
    """The tutorial's loop: 30 points walk down the gradient, and each ends at the center of its cell."""
    values = np.exp(-20 * ((np.linspace(0, 1, 16)[:, None] - 0.4) ** 2 + (np.linspace(0, 1, 16) - 0.6) ** 2))
    grid = Grid(torch.tensor(values), ((0, 1), (0, 1)))
    x = torch.tensor(rng.random((30, 2)), requires_grad=True)
    costs = []
    for _ in range(25):
        value = cost(x, grid)
        (slope,) = torch.autograd.grad(value, x)
        costs.append(value.item())
        with torch.no_grad():
            x -= 15 * slope  # 1 / (2 m) is Lloyd's step to the center
    assert all(later <= sooner + 1e-12 for sooner, later in pairwise(costs))
    assert costs[-1] < 0.2 * costs[0]


def test_the_front_loads_no_other_framework():
    code = (
        "import mixot.torch, sys; print(*[m for m in ('jax', 'ot', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    alone = "import torch, sys; print(*[m for m in ('jax', 'ot', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    loaded, needed = (
        subprocess.run([sys.executable, "-c", c], check=True, capture_output=True, text=True).stdout.split()
        for c in (code, alone)
    )
    assert loaded == needed


def descend(loss, x, rate, steps):
    """Values, and where gradient steps of ``rate`` times Lloyd's lead."""
    values = []
    for _ in range(steps):
        x = x.detach().requires_grad_()
        value = loss(x)
        (slope,) = torch.autograd.grad(value, x)
        values.append(value.item())
        x = x - 0.5 * rate * len(x) * slope
    return values, x.detach()


def test_a_loss_that_starts_warm_says_what_cost_says(rng):
    grid = Grid(torch.tensor(rng.uniform(0.5, 2.0, (16, 16))), ((0, 1), (0, 1)))
    start, loss = torch.tensor(rng.random((60, 2))), TransportLoss(grid)
    values, end = descend(loss, start, 0.5, 8)
    expected, same = descend(lambda x: cost(x, grid), start, 0.5, 8)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    torch.testing.assert_close(end, same, rtol=0, atol=1e-6)
    assert loss.summary.calls == 8
    assert loss.summary.first == 1
    assert loss.summary.warm >= 5
    x = torch.tensor(rng.random((60, 2)) ** 3, requires_grad=True)  # a jump
    assert loss(x).item() == pytest.approx(cost(x, grid).item(), rel=1e-9)
    assert loss.summary.cold >= 2
    assert loss(x[:30]).item() == pytest.approx(cost(x[:30], grid).item(), rel=1e-9)  # fewer points
    assert loss.summary.first == 2
    copy = deepcopy(loss)
    assert copy(x).item() == pytest.approx(cost(x, grid).item(), rel=1e-9)
    assert not list(loss.parameters())
    loss.reset()
    assert loss.summary.calls == 0
    torch.testing.assert_close(
        torch.func.grad(loss)(x.detach()), torch.func.grad(cost)(x.detach(), grid), atol=1e-7, rtol=0
    )


def test_a_warm_loss_of_a_mixture_that_moves(rng):
    """Points as the target: what is trained is the density."""
    cloud, inputs = points(rng, 40, 2).detach(), mixture(rng, 2, 2)
    loss = TransportLoss(cloud)
    for _ in range(4):
        value = loss(law(*inputs))
        slopes = torch.autograd.grad(value, inputs)
        again = cost(cloud, law(*inputs))
        torch.testing.assert_close(value, again, rtol=1e-9, atol=0)
        for ours, theirs in zip(slopes, torch.autograd.grad(again, inputs), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
        inputs = [(x - 0.05 * g).detach().requires_grad_() for x, g in zip(inputs, slopes, strict=True)]
    assert loss.summary.warm >= 2


@forward_mode
def test_what_a_warm_loss_cannot_do_is_named(rng):
    x, grid = points(rng, 4, 2), Grid(torch.ones(3, 3))
    with pytest.raises(UnsupportedError, match="between points and a density"):
        TransportLoss(x)(x)
    loss = TransportLoss(grid)
    for call in (lambda: loss(x[None]), lambda: torch.vmap(loss)(x[None])):
        with pytest.raises(InputError, match="not a batch"):
            call()
    with pytest.raises(InputError, match="not a batch"):
        TransportLoss(x.detach()[None])
    with pytest.raises(InputError, match="same space"):
        loss(x[:, :1])
    with pytest.raises(UnsupportedError, match="differentiated again"):
        torch.func.hessian(loss)(x.detach())


@forward_mode
def test_masses_and_centers_of_cells_are_differentiated(rng):
    x, w = torch.tensor(rng.random((6, 2)), requires_grad=True), torch.tensor(0.02 * rng.random(6), requires_grad=True)
    grid = Grid(torch.tensor(rng.uniform(0.5, 2.0, (4, 5))), ((0, 1), (0, 1)), 1)
    torch.autograd.gradcheck(lambda x, w: cells(x, w, grid), (x, w), check_forward_ad=True, fast_mode=True)
    logits = torch.tensor(0.2 * rng.standard_normal(6), requires_grad=True)
    torch.autograd.gradcheck(lambda x, a: centroids((x, a.softmax(0)), grid), (x, logits), fast_mode=True, atol=1e-5)
    half = torch.full((6,), 1 / 6, dtype=F64)
    torch.testing.assert_close(centroids(x, grid), centroids((x, half), grid))
    slope = torch.func.grad(lambda x: centroids(x, grid).square().sum())(x.detach())
    torch.testing.assert_close(slope, torch.autograd.grad(centroids(x, grid).square().sum(), x)[0])
    value = cost(x, grid)  # 2 m (y - b)
    torch.testing.assert_close(torch.autograd.grad(value, x)[0], (x - centroids(x, grid)) / 3, atol=1e-9, rtol=0)
    with pytest.raises(UnsupportedError, match="differentiated again"):
        torch.func.hessian(lambda x: centroids(x, grid).square().sum())(x.detach())
    with pytest.raises(UnsupportedError, match="in dimension 1 to 3"):
        centroids(torch.rand(3, 4), law(*mixture(rng, 2, 4)))
    with pytest.raises(InputError, match=r"points \(n, 2\) and potentials \(n,\)"):
        cells(x, w[1:], grid)
    with pytest.raises(InputError, match="finite"):
        cells(x * torch.nan, w, grid)


@forward_mode
@pytest.mark.parametrize("d", [1, 3])
def test_cells_on_the_line_and_in_space_are_differentiated(rng, d):
    x, w = torch.tensor(rng.random((6, d)), requires_grad=True), torch.tensor(0.02 * rng.random(6), requires_grad=True)
    grid = Grid(torch.tensor(rng.uniform(0.5, 2.0, (4, 3, 5)[:d])), ((0, 1),) * d, 1)
    torch.autograd.gradcheck(lambda x, w: cells(x, w, grid), (x, w), check_forward_ad=True, fast_mode=True, atol=1e-4)
    logits = torch.tensor(0.2 * rng.standard_normal(6), requires_grad=True)
    torch.autograd.gradcheck(lambda x, a: centroids((x, a.softmax(0)), grid), (x, logits), fast_mode=True, atol=1e-4)
