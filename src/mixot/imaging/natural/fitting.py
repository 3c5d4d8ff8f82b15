"""The natural map between the colors of two pictures: as smooth as it must be, and as close as it then can be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixot._native import sliced_step
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.imaging.natural.color_map import ColorMap, PaletteTraits
from mixot.imaging.natural.counts import ColorCounts, in_cells
from mixot.imaging.natural.smooth_map import SmoothMap, thin_product

GAIN = 2.5  # by how much differences of color may grow; what is more tears skies
_NARROW, _MOST = 2.0, 1.2  # how far the palette's lightness spreads beyond the photo's before the gain is raised
_LEAST, _FLOOR = 0.30, 0.10  # least factor of the affine start; least eigenvalue of the symmetric part of DT
_SLACK = 1.1  # by how much the radial part may exceed the gain
_SPACING, _WIDTH = 0.07, 0.15  # of the centers of the radial functions; their width
_FRAMES = 6  # orthonormal frames: 18 directions
_LEVELS = 512  # of the quantile functions
_STEPS = 12  # sliced steps, each projected on the smooth maps
_RIDGES, _RIDGE_STEPS = (-4.0, 2.0), 32  # the range of the logarithm of the ridge, and its steps
_FLAT = 1e-9  # share of the largest eigenvalue below which sums of radial functions are rounding
_TEMPER = 0.5  # rare colors count as mass^0.5 in the regression and in the bounds
_SHARE = 0.97  # of the tempered mass that must obey the bounds


def natural_map(
    source: ColorCounts, palette: ColorCounts, *, gain: float | int | None = None, near: int | None = None
) -> ColorMap:
    """Return the smooth map that brings the colors of ``source`` to those of ``palette`` with bounded gain.

    Both sides live in Oklab. The map is ``T(x) = A x + c + sum_j w_j exp(-|x - c_j|^2 / (2 h^2))``: the affine map
    between the moments, its factors held in [0.3, gain], and a radial part found by sliced transport. Each step moves
    the colors along 18 directions to the quantiles of the palette,

        z <- P(z + 3 / 18 sum_u (Q_u(F_u(u . z)) - u . z) u),

    and P projects on the smooth maps: least squares with a ridge. The ridge is the least for which, on 97 % of the
    colors, no difference of color grows by more than 1.1 x gain or shrinks below a tenth, and none turns round.

    Parameters
    ----------
    source : ColorCounts
        Of the photo (`count_colors`).
    palette : ColorCounts
        Of the palette: of a picture, or of a mixture (`mixture_counts`).
    gain : float, optional
        At least 1. Without it 2.5, and up to a fifth more where the lightness of the photo spreads over less than
        half of the palette's; `ColorMap.notes` says so.
    near : int, optional
        `ColorMap.ridge` of a map to a palette like this one, where the search for it begins: it takes less time.

    Raises
    ------
    InputError
        Where the gain is below 1.

    References
    ----------
    Pitie, Kokaram and Dahyot, *Automated colour grading using colour distribution transfer*, 2007 (the affine map of
    section 5, steps along directions); Bonneel, Rabin, Peyre and Pfister, *Sliced and Radon Wasserstein barycenters of
    measures*, 2015.

    Examples
    --------
    >>> from mixot.imaging.natural import count_colors
    >>> rng = np.random.default_rng(0)
    >>> dark, bright = (count_colors(low + 0.3 * rng.random((500, 3))) for low in (0.1, 0.5))
    >>> moved = natural_map(dark, bright)(dark.colors)
    >>> bool(abs(dark.weights @ moved - bright.weights @ bright.colors).max() < 0.01)
    True
    """
    if gain is not None and not 1 <= gain < np.inf:
        raise InputError(f"gain must be a number of at least 1 (1 lets no difference grow), got {gain:g}")
    notes: list[str] = []
    bound = _bound(source, palette, notes) if gain is None else float(gain)
    fit = _RadialFit.of(source, palette, bound)
    ridge, best = _least_ridge(fit, near)
    if best is None:
        notes.append("the map is affine: a closer one would stretch some colors beyond the gain")
    if np.trace(palette.moments()[1]) - palette.within.sum() < palette.within.sum():
        notes.append(f"the palette is of one color: the photo keeps at least {_LEAST:.0%} of its contrast")
    return ColorMap(best or fit.start, PaletteTraits.of(source, palette, _LEAST), bound, tuple(notes), ridge)


def _least_ridge(fit: _RadialFit, near: int | None) -> tuple[int, SmoothMap | None]:
    """The first step of the range of ridges whose map obeys the bounds, by bisection, and that map if there is one."""
    tried: dict[int, SmoothMap | None] = {_RIDGE_STEPS: None}

    def obeys(step: int) -> bool:
        if step not in tried:
            tried[step] = fit.run(10 ** (_RIDGES[0] + step / _RIDGE_STEPS * (_RIDGES[1] - _RIDGES[0])))
        return step == _RIDGE_STEPS or tried[step] is not None

    low, high, stride = 0, _RIDGE_STEPS, 1
    if near is not None and 0 < near < _RIDGE_STEPS:  # out from there, in strides that grow, until it is between
        low = high = near
        while high < _RIDGE_STEPS and not obeys(high):
            low, high, stride = high, min(high + stride, _RIDGE_STEPS), 2 * stride
        while low > 0 and obeys(low):
            low, high, stride = max(low - stride, 0), low, 2 * stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if obeys(middle) else (middle, high)
    return high, tried[high]


def _bound(source: ColorCounts, palette: ColorCounts, notes: list[str]) -> float:
    """The gain where none is given."""
    spreads = [law.moments()[1][0, 0] - law.within[0] for law in (source, palette)]
    if spreads[0] < source.within[0]:  # one lightness: there is no difference to raise
        return GAIN
    bound = GAIN * float(np.clip(np.sqrt(max(spreads[1] / spreads[0], 0.0)) / _NARROW, 1.0, _MOST))
    if bound >= GAIN + 0.05:  # below that the note would name one number twice
        notes.append(
            f"the photo's lightness spreads over less than half of the palette's: gain {bound:.2g} instead of {GAIN:g}"
        )
    return bound


def _directions() -> Float[np.ndarray, "m 3"]:
    rng = np.random.default_rng(3)  # any orthonormal frames do; always the same ones, so that no seed is needed
    return np.concatenate([np.linalg.qr(rng.standard_normal((3, 3)))[0].T for _ in range(_FRAMES)])


def affine_start(
    source: tuple[np.ndarray, np.ndarray], palette: tuple[np.ndarray, np.ndarray], gain: float
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """A and c of ``x -> A x + c`` between means and covariances; the eigenvalues of A are held in [0.3, gain]."""
    (mean, cov), (to_mean, to_cov) = source, palette
    root = _power(cov, 0.5)
    inverse = _power(cov, -0.5)
    linear = inverse @ _power(root @ to_cov @ root, 0.5) @ inverse
    values, vectors = np.linalg.eigh((linear + linear.T) / 2)
    linear = (vectors * np.clip(values, _LEAST, gain)) @ vectors.T
    return linear, to_mean - linear @ mean


def _power(cov: Float[np.ndarray, "3 3"], exponent: float) -> Float[np.ndarray, "3 3"]:
    values, vectors = np.linalg.eigh(cov)
    return (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T


@dataclass(frozen=True, eq=False)
class _RadialFit:
    """The penalised regression of sliced steps on radial functions, for any ridge.

    Heights h minimise ``sum_i t_i |r_i - sum_j B_ij h_j|^2 + ridge h' K h``, K the radial functions at the centers. In
    the basis ``vectors`` both forms are diagonal, ``values`` and ones, so that a ridge costs no new factor.
    """

    start: SmoothMap
    source: ColorCounts
    tempered: Float[np.ndarray, " n"]
    basis: Float[np.ndarray, "n k"]
    values: Float[np.ndarray, " r"]
    vectors: Float[np.ndarray, "k r"]
    functions: Float[np.ndarray, "n r"]
    directions: Float[np.ndarray, "m 3"]
    quantiles: Float[np.ndarray, "m l"]
    gain: float

    @classmethod
    def of(cls, source: ColorCounts, palette: ColorCounts, gain: float) -> _RadialFit:
        linear, shift = affine_start(source.moments(), palette.moments(), gain)
        centers, _ = in_cells(source.colors, source.weights, _SPACING)
        start = SmoothMap(linear, shift, centers, np.zeros_like(centers), _WIDTH)
        tempered = source.weights**_TEMPER
        tempered /= tempered.sum()
        basis = start.basis(source.colors)
        spectrum, axes = np.linalg.eigh(start.basis(centers))
        kept = spectrum > _FLAT * spectrum[-1]
        white = axes[:, kept] / np.sqrt(spectrum[kept])
        in_white = thin_product(basis, white)
        values, turn = np.linalg.eigh(thin_product((in_white * tempered[:, None]).T, in_white))
        directions = np.ascontiguousarray(_directions())
        quantiles = palette.quantiles(directions, levels())
        rest = directions, quantiles, gain
        return cls(
            start, source, tempered, basis, np.maximum(values, 0), white @ turn, thin_product(in_white, turn), *rest
        )

    def run(self, ridge: float) -> SmoothMap | None:
        """The map of this ridge; None where it breaks the bounds."""
        weighted = np.ascontiguousarray((self.functions * self.tempered[:, None]).T)
        shrink = 1 / (self.values + ridge)
        begin = self.start.affine(self.source.colors)
        moved, parts = begin, np.zeros((len(self.values), 3))
        for _ in range(_STEPS):
            wanted = moved + self._sliced_step(moved) - begin
            parts = shrink[:, None] * thin_product(weighted, wanted)
            moved = begin + thin_product(self.functions, parts)
        found = replace(self.start, heights=self.vectors @ parts)
        return found if self._within_bounds(found) else None

    def _sliced_step(self, moved: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        moved = np.ascontiguousarray(moved)
        step = np.empty_like(moved)
        sliced_step(moved, self.source.weights, self.directions, levels(), self.quantiles, step)
        return step * (3 / len(self.directions))

    def _within_bounds(self, found: SmoothMap) -> bool:
        slopes = found.jacobian(self.source.colors, self.basis)
        largest = np.sqrt(eigenvalue_ends(np.einsum("nji,njk->nik", slopes, slopes))[1])
        if weighted_quantile(largest, self.tempered, _SHARE) > _SLACK * self.gain:
            return False
        least = eigenvalue_ends((slopes + slopes.swapaxes(1, 2)) / 2)[0]
        return weighted_quantile(least, self.tempered, 1 - _SHARE) >= _FLOOR


def eigenvalue_ends(matrices: Float[np.ndarray, "n 3 3"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The least and the largest eigenvalue of symmetric matrices, by Viete's solution of the cubic equation.

    Ten times as fast as a decomposition of each; the error is about 1e-8 of the largest.

    References
    ----------
    Smith, *Eigenvalues of a symmetric 3 x 3 matrix*, 1961.
    """
    middle = np.trace(matrices, axis1=1, axis2=2) / 3
    (a, b, c), (d, e), f = (matrices[:, 0].T, matrices[:, 1, 1:].T, matrices[:, 2, 2])
    a, d, f = a - middle, d - middle, f - middle
    size = np.sqrt(np.maximum(a * a + d * d + f * f + 2 * (b * b + c * c + e * e), 1e-200) / 6)
    determinant = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)
    angle = np.arccos(np.clip(determinant / (2 * size**3), -1, 1)) / 3
    return middle + 2 * size * np.cos(angle + 2 * np.pi / 3), middle + 2 * size * np.cos(angle)


def levels() -> Float[np.ndarray, " l"]:
    """Where quantile functions are tabulated: the middles of steps of equal mass."""
    return (np.arange(_LEVELS) + 0.5) / _LEVELS


def weighted_quantile(values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"], level: float) -> float:
    """The least value with at least this share of the mass at or below it."""
    order = np.argsort(values)
    mass = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(mass, level * mass[-1]), len(values) - 1)])
