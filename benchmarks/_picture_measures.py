"""What is ugly in a recolored picture, in numbers; all of 8-bit pictures, (h, w, 3) uint8."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter, uniform_filter

_LUMA = np.array([0.299, 0.587, 0.114])
NAMES = ("SW2", "grain", "tears, %", "reversed, %", "halo")


def measures(photo: np.ndarray, result: np.ndarray, palette: np.ndarray) -> list[float]:
    """The five of them, in the order of `NAMES`; of the photo itself (its SW2, 1, 0, 0, 0)."""
    return [
        sliced_distance(result, palette),
        grain(photo, result),
        tears(photo, result),
        reversed_edges(photo, result),
        halo(photo, result),
    ]


def sliced_distance(result: np.ndarray, palette: np.ndarray) -> float:
    """Sliced W2 between the colors of both, over 64 directions, in steps of 8 bits."""
    directions = np.random.default_rng(0).standard_normal((3, 64))
    directions /= np.linalg.norm(directions, axis=0)
    levels = (np.arange(512) + 0.5) / 512
    one, other = (np.quantile(x.reshape(-1, 3)[::3] @ directions, levels, axis=0) for x in (result, palette))
    return float(np.sqrt(((one - other) ** 2).mean()))


def grain(photo: np.ndarray, result: np.ndarray) -> float:
    """How much larger what varies within 1.5 pixels became where the photo is flat.

    Flat is where windows of 9 pixels have less of it than 70 % of the picture has, and still a trace.
    """
    before, after = (
        uniform_filter(((x - gaussian_filter(x, (1.5, 1.5, 0))) ** 2).sum(axis=2), 9)
        for x in (photo.astype(float), result.astype(float))
    )
    flat = (before <= np.quantile(before, 0.3)) & (before > 0.25)
    return float(np.sqrt(after[flat].sum() / before[flat].sum())) if flat.any() else 1.0


def _gradient(values: np.ndarray) -> np.ndarray:
    smooth = gaussian_filter(values, (0.7, 0.7) + (0,) * (values.ndim - 2))
    return np.stack([np.gradient(smooth, axis=1), np.gradient(smooth, axis=0)], axis=-1)


def tears(photo: np.ndarray, result: np.ndarray) -> float:
    """Per cent of the pixels with an edge (12 steps a pixel) where the photo has none (3) within two pixels."""
    before, after = (np.sqrt((_gradient(x.astype(float)) ** 2).sum(axis=(2, 3))) for x in (photo, result))
    return float(100 * ((after > 12) & (maximum_filter(before, 5) < 3)).mean())


def reversed_edges(photo: np.ndarray, result: np.ndarray) -> float:
    """Per cent of the photo's edges in brightness (8 steps a pixel) across which bright and dark changed sides."""
    before, after = (_gradient(x @ _LUMA) for x in (photo, result))
    lengths = np.linalg.norm(before, axis=-1), np.linalg.norm(after, axis=-1)
    along = (before * after).sum(axis=-1) / np.maximum(lengths[0] * lengths[1], 1e-9)
    strong = lengths[0] > 8
    return float(100 * ((along < -0.25) & (lengths[1] > 2))[strong].mean())


def halo(photo: np.ndarray, result: np.ndarray) -> float:
    """By how many steps two places on one side of an edge differ that are alike in the photo.

    One lies 3 pixels away from the edge, the other 14; alike is a difference of less than 4 steps. What a gain of 2.5
    makes of that difference is no halo, nor are 2 steps more: only what is beyond counts, in the mean.
    """
    slope = _gradient(photo @ _LUMA)
    length = np.linalg.norm(slope, axis=-1)
    y, x = np.nonzero(length > 12)
    across = slope[y, x] / length[y, x][:, None]
    excess = []
    for sign in (1, -1):
        near, far = (np.stack([y + sign * r * across[:, 1], x + sign * r * across[:, 0]]) for r in (3, 14))
        inside = ((far >= 0) & (far <= np.array(photo.shape[:2])[:, None] - 1)).all(axis=0)
        before, after = (_apart(picture, near[:, inside], far[:, inside]) for picture in (photo, result))
        alike = before < 4
        excess.append(np.maximum(after[alike] - 2.5 * before[alike] - 2, 0))
    found = np.concatenate(excess)
    return float(found.mean()) if len(found) else 0.0


def _apart(picture: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The distance between the colors at two lists of places."""
    at = [
        np.stack([map_coordinates(picture[..., c].astype(float), q, order=1) for c in range(3)]) for q in (one, other)
    ]
    return np.linalg.norm(at[0] - at[1], axis=0)
