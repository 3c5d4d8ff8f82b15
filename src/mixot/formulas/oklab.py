"""Oklab: colors as the eye compares them, from sRGB and back."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float

# Linear sRGB to the responses of three cones; their cube roots to lightness, green to red, blue to yellow.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_K1, _K2 = 0.206, 0.03  # the toe that brings lightness close to that of CIE L*a*b*
_K3 = (1 + _K1) / (1 + _K2)
_BLACK = 1e-7
_LIGHT, _ROOTS = np.linalg.inv(_CONES), np.linalg.inv(_OPPONENTS)


def to_linear(srgb: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return light of sRGB in [0, 1] (IEC 61966-2-1)."""
    c = np.asarray(srgb)
    return np.where(c <= 0.04045, c / 12.92, ((np.maximum(c, 0) + 0.055) / 1.055) ** 2.4)


def from_linear(light: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return sRGB in [0, 1] of light; what lies outside [0, 1] is cut."""
    c = np.clip(light, 0, 1)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)


def to_oklab(srgb: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """Return Oklab of colors of sRGB in [0, 1]: lightness in [0, 1], and two axes of chroma, within 0.33.

    ``Lab = M2 cbrt(M1 linear(rgb))``, and then a toe: lightness L becomes ``Lr`` of Okhsl, close to that of CIE L*a*b*,
    and chroma goes down with it, by Lr / L. Equal distances look about equally different, near black, too, where
    without the toe one step of 8 bits is 7 % of all lightness; greys lie on one axis.

    Examples
    --------
    >>> (to_oklab(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])).round(3) + 0.0).tolist()
    [[1.0, 0.0, 0.0], [0.568, 0.203, 0.114]]

    References
    ----------
    Ottosson, *A perceptual color space for image processing*, 2020, and *Okhsv and Okhsl*, 2021 (the toe).
    """
    lab = _mixed(np.cbrt(_mixed(to_linear(srgb), _CONES)), _OPPONENTS)
    light = lab[..., :1]
    bent = _K3 * light - _K1
    return lab * _ratio((bent + np.sqrt(bent**2 + 4 * _K2 * _K3 * light.clip(min=0))) / 2, light)


def oklab_to_linear(lab: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """Return the light of red, green and blue; outside [0, 1] where no screen of sRGB shows the color."""
    light = lab[..., :1]
    raised = light * (light + _K1) / (_K3 * (light + _K2))  # the inverse of the toe
    roots = _mixed(lab * _ratio(raised, light), _ROOTS)
    return _mixed(roots * roots * roots, _LIGHT)  # a power takes ten times as long


def from_oklab(lab: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """Return sRGB in [0, 1] of colors of Oklab; each channel is cut where sRGB cannot show it."""
    return from_linear(oklab_to_linear(lab))


def _ratio(value: Float[np.ndarray, "..."], light: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.where(light > _BLACK, value / np.maximum(light, _BLACK), 0.0)


def _mixed(colors: Float[np.ndarray, "... 3"], matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "... 3"]:
    return np.einsum("...j,ij->...i", colors, matrix)  # a BLAS would start threads for so little
