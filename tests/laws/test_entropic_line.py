"""Entropic couplings on the line, by quadrature: right next to closed forms and finer rules, for every family there."""

import numpy as np
import pytest
from scipy.special import logsumexp, ndtr, ndtri

import mixot.families.line.entropic_line as line
from mixot import OMT, Gamma, Gaussian, LogNormal, Mixture, Poisson, Product, UnsupportedError, plan, transport_map
from mixot.families.line.base import LineFamily


class Normal(LineFamily):
    """Gaussian laws that know no closed form."""

    name = "normal"
    mean = moments = sample = example = None  # type: ignore[assignment]

    def __init__(self, means, stds):
        self.means, self.stds = np.asarray(means, float), np.asarray(stds, float)

    def __len__(self):
        return len(self.means)

    def tails(self, x, at):
        z = (x - self.means[at]) / self.stds[at]
        return ndtr(z), ndtr(-z)

    def quantile(self, lower, upper, at):
        z = np.where(lower <= 0.5, ndtri(np.minimum(lower, 0.5)), -ndtri(np.minimum(upper, 0.5)))
        return self.means[at] + self.stds[at] * z

    def log_prob(self, x):
        return -(((x - self.means) / self.stds) ** 2) / 2 - np.log(self.stds * np.sqrt(2 * np.pi))

    def cov(self):
        return self.stds[:, None, None] ** 2

    def take(self, index):
        return Normal(self.means[index], self.stds[index])

    def closed(self):
        return Gaussian(self.means, self.stds**2)


P, Q = Normal([0.0, 1.0], [1.0, 0.5]), Normal([0.5, 3.0, -1.0], [1.0, 1.5, 0.3])


def closed_form(m, s, n, t, eps):
    """Cost, slope and variance of y given x between N(m, s^2) and N(n, t^2), for ``E(x - y)^2 + eps KL(g | p x q)``.

    Among Gaussian couplings, of correlation r, it is ``(m - n)^2 + s^2 + t^2 - 2 s t r - eps log(1 - r^2) / 2``, which
    is least where ``2 s t (1 - r^2) = eps r``.
    """
    half = eps / (4 * s * t)
    r = 1 / (half + np.hypot(1, half))
    cost = (m - n) ** 2 + s**2 + t**2 - 2 * s * t * r - eps / 2 * np.log1p(-(r**2))
    return cost, r * t / s, t**2 * (1 - r**2)


def on_a_grid(p, q, eps, ends, n=400):
    """Sinkhorn's sweeps in the logarithm on even grids: x, y, their weights, potentials."""
    x, y = (np.linspace(*pair, n) for pair in ends)
    a, b = (law.log_prob(z[:, None])[:, 0] for law, z in ((p, x), (q, y)))
    a, b = a - logsumexp(a), b - logsumexp(b)
    cost, f, g = (x[:, None] - y) ** 2, np.zeros(n), np.zeros(n)
    for _ in range(300):
        before = f
        f = -eps * logsumexp((g - cost) / eps + b, axis=1)
        g = -eps * logsumexp((f[:, None] - cost) / eps + a[:, None], axis=0)
        if np.abs(f - before).max() < 1e-12:
            return x, y, np.exp(a), np.exp(b), f, g
    raise AssertionError("sweeps did not end")


@pytest.mark.parametrize("eps", [0.05, 1.0, 30.0])
def test_costs_are_those_of_the_closed_form(eps):
    mine, theirs = P.entropic_cost(Q, eps), P.closed().entropic_cost(Q.closed(), eps)
    by_hand = [
        [closed_form(m, s, n, t, eps)[0] for n, t in zip(Q.means, Q.stds, strict=True)]
        for m, s in zip(P.means, P.stds, strict=True)
    ]
    np.testing.assert_allclose(theirs, by_hand, rtol=1e-13)
    np.testing.assert_allclose(mine, by_hand, rtol=1e-9)


@pytest.mark.parametrize("eps", [0.3, 5.0])
def test_conditional_means_are_those_of_the_closed_form_out_to_the_far_tails(eps, rng):
    rows, cols = np.array([0, 1]), np.array([2, 1])
    mine, closed = (p.entropic_coupling(q, rows, cols, eps) for p, q in ((P, Q), (P.closed(), Q.closed())))
    z = np.array([-20.0, -8.0, -6.0, -5.0, -3.0, 0.0, 1.0, 4.0, 7.0, 30.0])  # rules end at eight standard deviations
    for pair, (k, l) in enumerate(zip(rows, cols, strict=True)):  # noqa: E741
        x = P.means[k] + P.stds[k] * z[:, None]
        _, slope, _ = closed_form(P.means[k], P.stds[k], Q.means[l], Q.stds[l], eps)
        affine = Q.means[l] + slope * (x - P.means[k])
        np.testing.assert_allclose(closed.map(x, pair), affine, rtol=0, atol=1e-12)
        np.testing.assert_allclose(mine.map(x, pair), affine, rtol=0, atol=5e-8)  # the ends: 1e-9 a standard deviation
        np.testing.assert_allclose(mine.map(x[3:8], pair), affine[3:8], rtol=0, atol=1e-8)
    for x in (0.0, -9.0):  # of N(1, 0.5^2): near, and 20 standard deviations away
        y = mine.sample(np.full((50_000, 1), x), 1, rng)
        assert y.mean() == pytest.approx(closed.map(np.full((1, 1), x), 1).item(), abs=5 * y.std() / np.sqrt(50_000))
        assert y.var() == pytest.approx(closed.noise[1].item(), rel=0.04)


@pytest.mark.parametrize(
    ("p", "q", "eps", "ends"),
    [
        (LogNormal([0.0], [0.3]), Gamma([20.0], [0.1]), 0.2, ((0.05, 13.0), (0.02, 11.0))),
        (Normal([0.0], [1.0]), Gamma([20.0], [0.1]), 1.0, ((-10.0, 10.0), (0.02, 11.0))),
        (Normal([1.0], [0.5]), Normal([3.0], [1.5]), 0.5, ((-4.0, 6.0), (-12.0, 18.0))),
    ],
    ids=["lognormal to gamma", "normal to gamma", "normal to normal"],
)
def test_costs_potentials_and_means_are_those_of_sweeps_on_a_grid(p, q, eps, ends):
    x, y, a, b, f, g = on_a_grid(p, q, eps, ends)
    assert p.entropic_cost(q, eps)[0, 0] == pytest.approx(a @ f + b @ g, rel=1e-8)
    one = np.array([0])
    coupling = p.entropic_coupling(q, one, one, eps)
    odds = np.exp((f[:, None] + g - (x[:, None] - y) ** 2) / eps) * b
    common = (a.cumsum() > 1e-6) & (a[::-1].cumsum()[::-1] > 1e-6)
    np.testing.assert_allclose(coupling.map(x[common, None], 0)[:, 0], (odds @ y)[common], rtol=0, atol=2e-8)
    np.testing.assert_allclose(a @ odds, b, rtol=0, atol=1e-12)
    level, nodes = coupling.potentials[0], coupling.targets[0].nodes
    seen = (nodes > y[0]) & (nodes < y[-1]) & (coupling.targets[0].weights > 1e-9)
    theirs = -eps * logsumexp((f[:, None] - (x[:, None] - nodes[seen]) ** 2) / eps, b=a[:, None], axis=0)
    np.testing.assert_allclose(np.ptp(level[seen] - theirs), 0, atol=2e-8)


def test_costs_are_symmetric_and_couplings_reverse(entropic_ranked_family, rng):
    p, q = entropic_ranked_family.example(rng, 2), entropic_ranked_family.example(rng, 2)
    eps = 2 * float(max(p.cov().max(), q.cov().max()))
    try:
        np.testing.assert_allclose(p.entropic_cost(q, eps), q.entropic_cost(p, eps).T, rtol=1e-9)
    except UnsupportedError:
        pytest.skip("a heavy tail")


@pytest.mark.parametrize(
    "pair", [(Gamma([2.0], [1.0]), Gamma([5.0], [0.3])), (LogNormal([0.0], [0.4]), LogNormal([1.0], [0.2]))]
)
def test_small_eps_is_the_monotone_coupling_and_large_eps_the_product(pair):
    p, q = pair
    monotone = p.cost(q).item()
    product = (p.mean() - q.mean()).item() ** 2 + p.cov().item() + q.cov().item()
    above = [p.entropic_cost(q, eps).item() for eps in (1e6, 10.0, 1.0, 0.1, 0.02)]
    assert above[0] == pytest.approx(product, rel=1e-5)  # below it by Var x Var y / eps
    assert (np.diff(above) < 0).all()
    # what eps adds is eps log(1 / eps) / 2 and less than three eps here
    assert monotone < above[-1] < monotone + 0.02 * 3
    x = np.linspace(0.6, 3.5, 9)[:, None]
    one = np.array([0])
    np.testing.assert_allclose(
        p.entropic_coupling(q, one, one, 0.01).map(x, 0), p.coupling(q, one, one).map(x, 0), atol=0.02
    )
    np.testing.assert_allclose(p.entropic_coupling(q, one, one, 1e6).map(x, 0), q.mean().item(), atol=2e-5)


def test_a_finer_rule_changes_nothing(entropic_ranked_family, rng, monkeypatch):
    p, q = entropic_ranked_family.example(rng, 1), entropic_ranked_family.example(rng, 1)
    eps = float(max(p.cov().max(), q.cov().max())) / 3
    try:
        coarse = p.entropic_cost(q, eps)
        for name in ("_PANEL", "_SMOOTH"):
            monkeypatch.setattr(line, name, getattr(line, name) / 2)
        monkeypatch.setattr(line, "_LEFT_OUT", 1e-13)
        np.testing.assert_allclose(coarse, p.entropic_cost(q, eps), rtol=1e-8)
    except UnsupportedError as error:
        assert "is too small for a law as wide" in str(error)  # noqa: PT017
        pytest.skip("a heavy tail")
    assert (coarse >= p.cost(q) - 1e-9 * coarse).all()


def test_draws_follow_the_target(entropic_ranked_family, rng):
    p, q = entropic_ranked_family.example(rng, 1), entropic_ranked_family.example(rng, 1)
    eps = 2 * float(max(p.cov().max(), q.cov().max()))
    pair = np.array([0])
    try:
        coupling = p.entropic_coupling(q, pair, pair, eps)
    except UnsupportedError:
        pytest.skip("a heavy tail")
    n = 20_000
    x = p.sample(np.zeros(n, dtype=np.int64), rng)
    y = np.sort(coupling.sample(x, 0, rng)[:, 0])
    # Kolmogorov: the distribution function of the draws is within 2.2 / sqrt(n) with probability 1 - 1e-4
    values, last = np.unique(y, return_index=True)
    last = np.append(last[1:], n) - 1
    assert np.abs((last + 1) / n - q.tails(values, 0)[0]).max() < 2.2 / np.sqrt(n)
    means = coupling.map(values[:5, None], 0)
    assert means.shape == (len(values[:5]), 1)
    assert not coupling.is_map.any()


def test_counts_are_joined_as_their_atoms_are(rng):
    p, q = Poisson([3.0]), Poisson([5.0, 1.0])
    x = np.arange(60.0)
    for at in range(2):
        a, b = (np.exp(law.log_prob(x[:, None])) for law in (p, q))
        found = OMT(lam=0.7).solve((x[:, None] - x) ** 2, a[:, 0] / a.sum(), b[:, at] / b[:, at].sum())
        assert p.entropic_cost(q, 0.7)[0, at] == pytest.approx(found.primal, rel=1e-10)


def test_mixtures_on_the_line_and_products_of_them_have_smooth_plans(rng):
    p, q = (Mixture(rng.dirichlet(np.ones(k)), Gamma.example(rng, k)) for k in (2, 3))
    found = plan(p, q, solver=OMT(eps=1.0))
    assert found.gap < 1e-9 * found.cost
    y = transport_map(p, q, kind="random", solver=OMT(eps=1.0))(p.sample(50_000, rng=rng), rng=rng)
    assert y.mean() == pytest.approx(q.mean().item(), abs=5 * y.std() / np.sqrt(50_000))
    both = Product((Gamma([2.0], [1.0]), Poisson([3.0])))
    each = Gamma([2.0], [1.0]).entropic_cost(Gamma([2.0], [1.0]), 0.5) + Poisson([3.0]).entropic_cost(
        Poisson([3.0]), 0.5
    )
    np.testing.assert_allclose(both.entropic_cost(both, 0.5), each, rtol=1e-12)


def test_an_eps_that_no_rule_resolves_is_refused():
    with pytest.raises(UnsupportedError, match=r"eps = 1e-08 is too small for a law as wide as this one"):
        Gamma([2.0], [1.0]).entropic_cost(Gamma([2.0], [1.0]), 1e-8)
