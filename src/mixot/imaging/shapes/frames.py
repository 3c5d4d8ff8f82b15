"""Where a shape stands: its own axes, which turn with it, and the axis about which it is its own mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from mixot._shapes import Float

_ROUND = 0.01  # of the spread: axes that differ by less are not told apart
_ALIKE = 0.97  # share of the ink that must fall on its mirror image
_RINGS, _ANGLES = 24, 360  # of the polar picture in which axes are looked for
_STEP = 0.1  # degrees, to which axes are found
_SLACK = 0.05  # what an axis may lack before its angle and place are found so closely
_SHIFTS = np.linspace(-1, 1, 11).tolist()  # pixels that it is moved sideways


@dataclass(frozen=True, eq=False)
class Frame:
    """Axes about the middle of some ink: ``inside`` brings points there, ``back`` is its inverse.

    They turn and mirror with the ink. Both coordinates have one variance, ``spread**2``: the axes stand at 45 degrees
    to the principal ones.
    """

    center: Float[np.ndarray, "2"]
    axes: Float[np.ndarray, "2 2"]
    spread: float

    @classmethod
    def of(cls, points: Float[np.ndarray, "n 2"], weights: Float[np.ndarray, " n"]) -> Frame:
        """The frame of weighted points (weights of sum one)."""
        center = weights @ points
        away = points - center
        cov = (away.T * weights) @ away
        spread = float(np.sqrt(np.trace(cov) / 2))
        if spread == 0:
            return cls(center, np.eye(2), 0.0)
        values, vectors = np.linalg.eigh(cov)
        plain = values[1] - values[0] < _ROUND * values.sum()
        axes = np.eye(2) if plain else vectors.T[::-1]
        flips = [np.diag([s, t]) @ axes for s in (1.0, -1.0) for t in (1.0, -1.0)]
        flips += [each[::-1] for each in flips] if plain else []
        scores = [weights @ _sense(away @ each.T / spread) for each in flips]
        turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
        return cls(center, turn @ flips[int(np.argmax(np.round(scores, 9)))], spread)

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Coordinates in the frame, (n, 2)."""
        return (points - self.center) @ self.axes.T


def _sense(u: np.ndarray) -> np.ndarray:
    """A function of the plane that no turn by 90 degrees and no mirror leaves as it is, nor a sum of these."""
    x, y = u.T
    odd = x**3 + 0.61 * y**3 + 0.37 * x**2 * y + 0.23 * x * y**2
    return odd + 0.53 * x * y + 0.29 * (x**2 - y**2) + 0.19 * x * y * (x**2 - y**2)


@dataclass(frozen=True, eq=False)
class Axis:
    """A line that mirrors ink nearly onto itself.

    ``angle`` is in degrees, in [0, 180), from the axis of x (to the right) towards y (down); ``offset`` leads from the
    middle of the ink to the line, in units of the picture's longer side; ``share`` of the ink falls on its image.
    """

    angle: float
    offset: Float[np.ndarray, "2"]
    share: float


def mirror_axis(mass: Float[np.ndarray, "h w"]) -> Axis | None:
    """The axis about which ink is its own mirror image, at a blur of one pixel; None where less than 97 % of it is.

    Of several it is the one whose image is closest, and of these the upright one.
    """
    soft = gaussian_filter(np.pad(mass, 2), 1.0)
    center = _middle(soft)
    exact = {angle: _overlap(soft, center, angle) for angle in (90.0, 0.0, 45.0, 135.0)}
    scored = exact | {angle: _overlap(soft, center, angle) for angle in _axes(soft, center)}
    angle = max(scored, key=lambda each: scored[each])
    if scored[angle] < _ALIKE - _SLACK:
        return None
    if angle not in exact:
        near = [float(each) for each in np.round(angle + np.arange(-8, 9) * _STEP, 1) % 180]
        scored |= {each: _overlap(soft, center, each) for each in near}
        angle = max(scored, key=lambda each: scored[each])
    upright = max(exact, key=lambda each: (round(exact[each], 3), each == 90.0))
    angle = upright if exact[upright] >= scored[angle] - 0.002 else angle
    across = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])  # rows first
    # A dent moves the middle of the ink off the axis of the rest.
    shifts = sorted(_SHIFTS, key=abs)
    shares = [_overlap(soft, center + shift * across, angle) for shift in shifts]
    best = int(np.argmax(shares))
    if shares[best] < _ALIKE:
        return None
    return Axis(angle, shifts[best] * across[::-1] / max(mass.shape), shares[best])


def reflection(angle: float) -> Float[np.ndarray, "2 2"]:
    """The mirror about a line through zero at an angle in degrees, exact where it is a multiple of 45."""
    c, s = np.cos(np.radians(2 * angle)), np.sin(np.radians(2 * angle))
    return np.round(np.array([[c, s], [s, -c]]), 15)


def _middle(mass: np.ndarray) -> np.ndarray:
    """Mean row and column."""
    total = mass.sum()
    return np.array([np.arange(mass.shape[0]) @ mass.sum(1), np.arange(mass.shape[1]) @ mass.sum(0)]) / total


def _axes(mass: np.ndarray, center: np.ndarray) -> list[float]:
    """Angles at which the polar picture agrees most with itself read backwards: all of them by one convolution."""
    reach = float(np.hypot(*mass.shape)) / 2
    radius = (np.arange(_RINGS) + 0.5) * reach / _RINGS
    phi = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    at = center[:, None, None] + radius[:, None] * np.stack([np.sin(phi), np.cos(phi)])[:, None, :]
    polar = map_coordinates(mass, at, order=1) * radius[:, None] ** 0.5
    agree = np.fft.irfft(np.fft.rfft(polar, axis=1) ** 2, _ANGLES, axis=1).sum(axis=0)  # at the sum of two angles
    peak = (agree >= np.roll(agree, 1)) & (agree >= np.roll(agree, -1))
    tops = np.flatnonzero(peak)[np.argsort(-agree[peak], kind="stable")][:4]
    return [float(t * 180 / _ANGLES) for t in tops]


def _overlap(mass: np.ndarray, center: np.ndarray, angle: float) -> float:
    """Share of the ink that lies where its mirror image has ink."""
    flip = reflection(angle)[::-1, ::-1]  # rows first
    places = np.indices(mass.shape).reshape(2, -1) - center[:, None]
    image = map_coordinates(mass, flip @ places + center[:, None], order=1).reshape(mass.shape)
    return float(np.minimum(mass, image).sum() / mass.sum())
