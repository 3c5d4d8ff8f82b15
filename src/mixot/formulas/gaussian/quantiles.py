"""W2 between Gaussian mixtures on the line, enclosed from both sides through their quantile functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float

_FAR = 38.5  # standard deviations beyond which a double sees no mass
_TAIL = 1e-12  # mass beyond the outermost knots
_SLIP = 1e-15  # accepted error of a quantile's level; what it costs is of the order of its square
_KNOTS = np.array([-8, -6, -5, -4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8])
_ROUNDING = 1e-13  # floating-point error of a sum over cells, as a share of the second moments (tested)


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """The law ``sum_k weights[k] N(means[k], stds[k]^2)`` on the line; a std of zero is an atom."""

    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, " k"]
    stds: Float[np.ndarray, " k"]

    def standardized(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        """(x - mean) / std of each component, cut where a double sees no mass."""
        with np.errstate(over="ignore"):
            z = (x[:, None] - self.means) / np.maximum(self.stds, 1e-300)
        return np.clip(z, -_FAR, _FAR, out=z)

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Distribution function; at an atom, the middle of its jump."""
        return _normal_cdf(self.standardized(x)) @ self.weights

    def knots(self, most: int = 600) -> Float[np.ndarray, " n"]:
        """Sorted points that resolve every component (every few of them, where there are many components)."""
        points = np.sort((self.means[:, None] + self.stds[:, None] * _KNOTS).ravel())
        inner = points[:: max(1, len(points) // most)]
        low, high = (self.means - _FAR * self.stds).min(), (self.means + _FAR * self.stds).max()
        return np.concatenate([[low], inner, [high]])

    def quantile(self, u: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Inverse distribution function at u in (0, 1)."""
        table = self.knots()
        level = self.cdf(table)
        at = np.searchsorted(level, u).clip(1, len(table) - 1)
        return self.solve(u, table[at - 1], table[at])

    def solve(
        self, u: Float[np.ndarray, " n"], low: Float[np.ndarray, " n"], high: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Points in the brackets [low, high] where the distribution function is u: safeguarded Newton."""
        low, high, scale = low.copy(), high.copy(), _ratio(self.weights, self.stds)
        x = (low + high) / 2
        todo = np.arange(len(u))
        for step in range(200):
            z = self.standardized(x[todo])
            error = _normal_cdf(z) @ self.weights - u[todo]
            low[todo] = np.where(error <= 0, x[todo], low[todo])
            high[todo] = np.where(error >= 0, x[todo], high[todo])
            wide = high[todo] - low[todo] > 4e-16 * np.maximum(np.abs(low[todo]), np.abs(high[todo]))
            going = wide & (np.abs(error) > _SLIP)
            if not going.any():
                break
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                guess = x[todo[going]] - error[going] / (_phi(z[going]) @ scale)
            todo = todo[going]
            inside = (guess > low[todo]) & (guess < high[todo]) & (step % 4 < 3)  # every fourth step halves: it ends
            x[todo] = np.where(inside, guess, (low[todo] + high[todo]) / 2)
        return x

    def density_range(self, x: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
        """A lower and an upper bound of the density on each cell [x[i], x[i + 1]]: component by component."""
        z = self.standardized(x)
        size = np.abs(z)
        phi = _phi(np.maximum(size[:-1], size[1:]))
        nearest = np.where(np.sign(z[:-1]) != np.sign(z[1:]), 0.0, np.minimum(size[:-1], size[1:]))
        scale = _ratio(self.weights, self.stds)
        atoms = self.stds == 0
        low = phi[:, ~atoms] @ scale[~atoms]
        high = _phi(nearest)[:, ~atoms] @ scale[~atoms]
        high[(nearest[:, atoms] < _FAR).any(axis=1)] = np.inf
        return low, high

    def cells(
        self, x: Float[np.ndarray, " n"], u: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
        """Mean and variance of the part of the law between the levels u[i] and u[i + 1], and of the two tails.

        x is the quantile of u. By closed forms on (x[i], x[i + 1]]; the difference between u and the distribution
        function at x (a part of an atom, or rounding) sits at x.
        """
        edges = np.concatenate([[-np.inf], x, [np.inf]])
        levels = np.concatenate([[0.0], u, [1.0]])
        z = self.standardized(edges)
        phi, zphi = _phi(z), z * _phi(z)
        right = z[:-1] > 0  # differences of upper tails where those are the small ones
        m0 = (
            np.where(right, _normal_cdf(-z[:-1]) - _normal_cdf(-z[1:]), _normal_cdf(z[1:]) - _normal_cdf(z[:-1]))
            * self.weights
        )
        m1 = (phi[:-1] - phi[1:]) * self.weights
        m2 = m0 + (zphi[:-1] - zphi[1:]) * self.weights
        mass = np.diff(levels)
        center = np.concatenate([x[:1], (x[:-1] + x[1:]) / 2, x[-1:]])
        off = self.means - center[:, None]
        first = (m1 * self.stds + m0 * off).sum(axis=1)
        second = (m2 * self.stds**2 + 2 * m1 * self.stds * off + m0 * off**2).sum(axis=1)
        slip = u - self.cdf(x)
        for side, sign in ((slice(1, None), -1.0), (slice(None, -1), 1.0)):
            first[side] += sign * slip * (x - center[side])
            second[side] += sign * slip * (x - center[side]) ** 2
        mean = np.clip(center + first / mass, edges[:-1], edges[1:])
        return mean, np.maximum(second / mass - (mean - center) ** 2, 0.0)


def w2_squared_on_line(p: Line, q: Line, *, tol: float = 1e-10, max_cells: int = 20_000) -> tuple[float, float]:
    """Return ``(lower, upper)`` with ``lower <= W2(p, q)^2 <= upper``.

    ``W2^2`` is the integral over u of ``(x(u) - y(u))^2``, x and y the quantile functions. Over a cell of levels u of
    width D both laws are cut at the same mass, and with the exact means and variances of the two parts

        integral = D ((mean difference)^2 + var x + var y - 2 cov(x, y)),

    where ``cov <= sd x sd y`` gives the lower side. For the upper, ``y = T(x)`` with a slope within ``[f_min / g_max,
    f_max / g_min]``, f and g the two densities on the cell. If the slope is within e of ``s = sd y / sd x``, the part
    ``T(x) - s x`` has a variance of at most ``e^2 var x``, so ``cov >= sd x sd y - e^2 var x / (2 s)``; and
    ``cov >= 0`` always, both being increasing. The two sides differ by the fourth power of the cells' size; the
    worst cells are split until they agree to ``tol`` times the lower side. What rounding adds is covered by a margin
    of 1e-13 of the second moments.
    """
    shift = float(p.weights @ p.means)
    spread = [float(law.weights @ ((law.means - shift) ** 2 + law.stds**2)) for law in (p, q)]
    unit = np.sqrt(sum(spread))
    if unit == 0:
        return 0.0, 0.0
    p, q = (Line(law.weights, (law.means - shift) / unit, law.stds / unit) for law in (p, q))
    u = _levels(np.concatenate([p.cdf(p.knots()), q.cdf(q.knots()), [_TAIL, 1 - _TAIL]]))
    x, y = p.quantile(u), q.quantile(u)
    while True:
        sure, excess = _cell_costs(p, q, u, x, y)
        lower, total = float(sure.sum()), float(excess.sum())
        aim = tol * lower + _ROUNDING
        parts = (excess[1:-1] * len(excess) / aim) ** 0.25  # the excess falls with the fourth power of the size
        parts = np.where(np.diff(u) > _TAIL, np.clip(np.ceil(1.2 * parts), 1, 8), 1).astype(int)
        worst = np.repeat(np.arange(len(parts)), parts - 1)
        if total <= aim or not len(worst) or len(u) + len(worst) > max_cells:
            break
        place = np.arange(len(worst)) - np.searchsorted(worst, worst) + 1
        fresh = u[worst] + (u[worst + 1] - u[worst]) * place / parts[worst]
        order = np.argsort(np.concatenate([u, fresh]), kind="stable")
        u, x, y = (
            np.concatenate([old, new])[order]
            for old, new in (
                (u, fresh),
                (x, p.solve(fresh, x[worst], x[worst + 1])),
                (y, q.solve(fresh, y[worst], y[worst + 1])),
            )
        )
    return max(lower - _ROUNDING, 0.0) * unit**2, (lower + total + _ROUNDING) * unit**2


def _cell_costs(p: Line, q: Line, u: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower side of the cost of each cell, and by how much the upper side exceeds it."""
    mass = np.diff(np.concatenate([[0.0], u, [1.0]]))
    (mean_x, var_x), (mean_y, var_y) = p.cells(x, u), q.cells(y, u)
    sd_x, sd_y = np.sqrt(var_x), np.sqrt(var_y)
    excess = 2 * sd_x * sd_y
    (f_low, f_high), (g_low, g_high) = p.density_range(x), q.density_range(y)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = sd_y[1:-1] / sd_x[1:-1]
        off = np.maximum(f_high / g_low - slope, slope - f_low / g_high)
        bent = np.nan_to_num(off**2 * var_x[1:-1] / slope, nan=np.inf)
    excess[1:-1] = np.minimum(excess[1:-1], bent)
    return mass * ((mean_x - mean_y) ** 2 + (sd_x - sd_y) ** 2), mass * excess


def _levels(u: np.ndarray) -> np.ndarray:
    """Sorted levels inside the tails, no two closer than a tail."""
    u = np.sort(u[(u >= _TAIL) & (u <= 1 - _TAIL)])
    return u[np.concatenate([[True], np.diff(u) > _TAIL / 4])]


def _phi(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _ratio(weights: np.ndarray, stds: np.ndarray) -> np.ndarray:
    return np.divide(weights, stds, out=np.zeros_like(weights), where=stds > 0)


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr  # here: it takes longer to load than all of mixot

    return ndtr(z)
