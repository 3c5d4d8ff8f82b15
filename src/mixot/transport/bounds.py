"""Proven bounds on W2 between Gaussian mixtures, whose exact value has no closed form."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.families.base import Family, common
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.roles import Enclosed, plays, require
from mixot.formulas.gaussian.quantiles import Line, w2_squared_on_line
from mixot.mixture import Mixture
from mixot.results import Interval, Plan
from mixot.solvers.discrete.exact import Exact
from mixot.transport.plans import between_mixtures
from mixot.transport.sandwich import semidiscrete_sandwich

_ROUNDING = 1e-13  # floating-point error of a squared distance, as a share of the second moments
_LEVELS = (np.arange(200) + 0.5) / 200  # quantile levels on which directions are compared before the best is proven
_RANDOM = 4  # random directions tried besides the principal ones


def wasserstein(p: Mixture, q: Mixture, *, points: int = 0) -> Interval:
    """Return an interval that contains W2(p, q), each side with the name of the argument that gave it.

    Above stands the best of

    - "MW2": couplings that are themselves Gaussian mixtures are couplings (Delon and Desolneux 2020, section 4.5);
    - "shared radii", in its place between Student laws of unlike degrees of freedom, for whose components W2 is not
      known: the best plan of components that are coupled by direction and rank of the radius;
    - "quantiles", on the line: W2 itself, with the error bound of its quadrature.

    Below, with m, S the mean and covariance of a whole mixture, the best of

    - "Gelbrich": ``|m_p - m_q|^2 + tr(S_p + S_q - 2 (S_p^1/2 S_q S_p^1/2)^1/2)``, least over all laws of these moments
      (Gelbrich 1990, Theorem 2.1);
    - "projection": exact W2 between the images on a line, in the best direction found, plus the Gelbrich bound on what
      is orthogonal to it (squares add); "quantiles" in dimension one;
    - "Prop. 6": ``MW2 - (2 sum a_k tr A_k)^1/2 - (2 sum b_l tr B_l)^1/2`` (Delon and Desolneux 2020, Proposition 6);
    - "zero".

    With ``points``, for Gaussian mixtures in the plane without singular components, also on both sides

    - "semi-discrete": exact transport from that many points that stand for one of the two to the other
      (`mixot.transport.sandwich`).

    Where some coordinates are levels without an order (`mixot.Categorical`) there is only MW2 and zero.

    A margin of 1e-13 of the second moments is subtracted from the squares of closed forms, against their rounding. The
    direction and the points come from searches that stop when they are good enough: other last bits of p or q may end
    elsewhere, and move an end by some 1e-5 of itself. Both ends are proven, before and after; their digits are not.
    """
    source, target = common(p.components, q.components)
    plan, upper_name = _coupled(p, q, source, target)
    uppers, lowers = {upper_name: plan.distance}, {"zero": 0.0}
    wide = Mixture(p.weights, source.widen()), Mixture(q.weights, target.widen())
    if not (source.euclidean and target.euclidean):
        pass  # levels stand for no numbers: moments bound nothing
    elif not (isinstance(wide[0].components, Gaussian) and isinstance(wide[1].components, Gaussian)):
        lowers["Gelbrich"] = float(np.sqrt(_gelbrich(p, q)))
    elif p.dim == 1:
        low, high = w2_squared_on_line(*(_project(law, np.ones(1)) for law in wide))
        uppers["quantiles"], lowers["quantiles"] = float(np.sqrt(high)), float(np.sqrt(low))
    else:
        lowers["Gelbrich"] = float(np.sqrt(_gelbrich(p, q)))
        lowers["Prop. 6"] = _proposition_6(p, q, plan)
        lowers["projection"] = _projection(*wide, plan)
        if points > 0 and p.dim == 2 and all((law.components.rank() == 2).all() for law in wide):
            lowers["semi-discrete"], uppers["semi-discrete"] = semidiscrete_sandwich(*wide, points)
    upper_by, lower_by = min(uppers, key=uppers.__getitem__), max(lowers, key=lowers.__getitem__)
    return Interval(min(lowers[lower_by], uppers[upper_by]), uppers[upper_by], lower_by, upper_by)


def _coupled(p: Mixture, q: Mixture, source: Family, target: Family) -> tuple[Plan, str]:
    """The best plan of components by their costs, or by upper bounds of these, and its name."""
    if plays(source, Enclosed):
        lower, upper = require(source, Enclosed).cost_bounds(target)
        if (upper > lower).any():
            return Exact().solve(upper, p.weights, q.weights), "shared radii"
    return between_mixtures(p, q, Exact()), "MW2"


def _gelbrich(p: Mixture, q: Mixture) -> float:
    """Squared W2 between Gaussian laws with the moments of p and q, less its rounding error."""
    roots = []
    for law in (p, q):
        lam, axes = np.linalg.eigh(law.cov())
        roots.append(axes * np.sqrt(np.clip(lam, 0.0, None)))
    within = float(np.sum(roots[0] ** 2) + np.sum(roots[1] ** 2))
    between = float(np.sum((p.mean() - q.mean()) ** 2))
    cross = float(np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum())
    return max(between + within - 2 * cross - _ROUNDING * (between + within), 0.0)


def _proposition_6(p: Mixture, q: Mixture, plan: Plan) -> float:
    """MW2, from its proven side, less the spreads of the components about their means."""
    spread = [2 * float(law.weights @ np.trace(law.components.cov(), axis1=1, axis2=2)) for law in (p, q)]
    return float(np.sqrt(max(plan.lower_bound, 0.0)) - np.sqrt(spread[0]) - np.sqrt(spread[1]))


def _projection(p: Mixture, q: Mixture, plan: Plan) -> float:
    """The bound "projection": directions are searched on a coarse quadrature, and the best is then proven."""
    starts = _directions(p, q, plan)
    rough = np.array([_rough_cost(p, q, v)[0] for v in starts])
    best, _ = max((_climb(p, q, v) for v in starts[np.argsort(-rough)[:2]]), key=lambda found: found[1])
    along, _ = w2_squared_on_line(_project(p, best), _project(q, best), tol=1e-6)
    others = np.linalg.svd(best[None])[2][1:]  # orthonormal, and orthogonal to the best
    return float(np.sqrt(along + _gelbrich(p.affine(others), q.affine(others))))


def _directions(p: Mixture, q: Mixture, plan: Plan) -> Float[np.ndarray, "s d"]:
    """Unit vectors to start from: the difference of means, principal axes of p, q and the displacement, random ones."""
    rows, cols = np.nonzero(plan.coupling)
    steps = q.components.mean()[cols] - p.components.mean()[rows]
    moved = (steps * plan.coupling[rows, cols][:, None]).T @ steps
    axes = [np.linalg.eigh(matrix)[1][:, ::-1].T for matrix in (moved, p.cov(), q.cov(), p.cov() - q.cov())]
    flat = np.concatenate([axis[[0, 1, -1]] for axis in axes])
    random = np.random.default_rng(0).standard_normal((_RANDOM, p.dim))
    gap = q.mean() - p.mean()
    out = np.concatenate([gap[None] if gap.any() else flat[:1], flat, random])
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def _climb(p: Mixture, q: Mixture, v: np.ndarray) -> tuple[np.ndarray, float]:
    """A direction of locally largest projected cost near v, and that cost.

    The cost is ``v' M v`` with M the second moments of the displacement, whose gradient is ``2 M v``: a step of the
    power method, shortened until the cost rises (M itself changes with v).
    """
    cost, gradient = _rough_cost(p, q, v)
    for _ in range(15 if cost > 0 else 0):
        for share in (1.0, 0.5, 0.2, 0.05):
            step = (1 - share) * v + share * gradient / np.linalg.norm(gradient)
            step /= np.linalg.norm(step)
            ahead, slope = _rough_cost(p, q, step)
            if ahead > cost:
                break
        else:
            break
        gain = ahead / cost
        v, cost, gradient = step, ahead, slope
        if gain < 1 + 1e-5:
            break
    return v, cost


def _rough_cost(p: Mixture, q: Mixture, v: Float[np.ndarray, " d"]) -> tuple[float, Float[np.ndarray, " d"]]:
    """Squared W2 between the images on the line along v, by a coarse quadrature, and its gradient in v.

    With x(u), y(u) the quantile functions the gradient is ``2 int (x - y) (E[X | v.X = x] - E[Y | v.Y = y]) du``.
    """
    (x, mean_x), (y, mean_y) = _conditional_means(p, v), _conditional_means(q, v)
    step = x - y
    return float(np.mean(step**2)), 2 * step @ (mean_x - mean_y) / len(step)


def _conditional_means(p: Mixture, v: np.ndarray) -> tuple[Float[np.ndarray, " u"], Float[np.ndarray, "u d"]]:
    """Quantiles x of v.X, and E[X | v.X = x]."""
    line = _project(p, v)
    table = line.knots(300)
    x = np.interp(_LEVELS, line.cdf(table), table)
    z = line.standardized(x)
    with np.errstate(divide="ignore"):
        joint = np.log(line.weights) - np.log(np.maximum(line.stds, 1e-300)) - 0.5 * z**2
    r = np.exp(joint - joint.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    spread = line.stds[:, None]
    slopes = np.divide(p.components.cov() @ v, spread, where=spread > 0, out=np.zeros((len(p), p.dim)))
    return x, r @ p.components.mean() + (r * z) @ slopes


def _project(p: Mixture, v: np.ndarray) -> Line:
    """The law of v.x."""
    variances = np.einsum("i,kij,j->k", v, p.components.cov(), v)
    return Line(p.weights, p.components.mean() @ v, np.sqrt(np.clip(variances, 0.0, None)))
