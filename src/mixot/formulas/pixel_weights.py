"""How much each pixel of a picture counts: as far as it is opaque, and as far as a mask lets it count."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # of red, green and blue in grey (ITU-R BT.709)


def pixel_weights(pixels: np.ndarray, mask: np.ndarray | None = None) -> Float[np.ndarray, "h w"] | None:
    """Return how much each pixel counts, in [0, 1] float32: alpha times mask; None where all count alike.

    Parameters
    ----------
    pixels : (h, w) or (h, w, 1 to 4)
        A picture; two and four channels end in alpha.
    mask : (h, w) or (h, w, 1 to 4), optional
        White counts, black does not, grey counts partly, and what is transparent counts as far as it is opaque. Truth
        values, 8 or 16 unsigned bits, or floats in [0, 1].

    Raises
    ------
    InputError
        Where the mask has another size, another kind of values, or lets nothing count; where nothing is opaque.

    Examples
    --------
    >>> pixel_weights(np.full((1, 2, 3), 9, np.uint8), np.array([[0, 255]], np.uint8)).tolist()
    [[0.0, 1.0]]
    """
    alpha = pixels[:, :, -1] if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else None
    return counted(alpha, None if mask is None else mask_values(mask, pixels.shape[:2]))


def counted(alpha: np.ndarray | None, share: Float[np.ndarray, "h w"] | None) -> Float[np.ndarray, "h w"] | None:
    """Return the product of transparency (h, w), of any type of pixels, and shares; raises as `pixel_weights` does."""
    opaque = None if alpha is None else _unit(alpha)
    if opaque is None or opaque.min() == 1:
        return share
    if not opaque.any():
        raise InputError("the picture is transparent everywhere: it has no colors to fit")
    if share is None:
        return opaque
    weights = share * opaque
    if not weights.any():
        raise InputError("the picture is transparent wherever the mask lets it count: nothing is left")
    return weights


def mask_values(mask: np.ndarray, shape: tuple[int, ...]) -> Float[np.ndarray, "h w"]:
    """Return how much a mask lets each pixel count, (h, w) float32 in [0, 1]: its brightness times its alpha.

    Raises
    ------
    InputError
        Where it has another size than ``shape``, another kind of values, or is black everywhere.
    """
    if mask.ndim not in (2, 3) or (mask.ndim == 3 and not 1 <= mask.shape[2] <= 4) or not mask.size:
        raise InputError(f"a mask must be a picture of shape (h, w) or (h, w, 1 to 4), got {mask.shape}")
    if mask.shape[:2] != shape[:2]:
        (height, width), (rows, columns) = shape[:2], mask.shape[:2]
        raise InputError(
            f"the mask has {columns} x {rows} pixels, and the picture {width} x {height}; make them of one size"
        )
    values = _unit(mask[:, :, None] if mask.ndim == 2 else mask)
    channels = values.shape[2]
    grey = values[:, :, :3] @ _LUMA if channels >= 3 else values[:, :, 0]
    share = np.clip(grey * values[:, :, -1] if channels in (2, 4) else grey, 0.0, 1.0)
    if not share.any():
        raise InputError("the mask is black everywhere: nothing counts; white is what counts, invert it")
    return share


def _unit(values: np.ndarray) -> Float[np.ndarray, "..."]:
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind == "b":
        return values.astype(np.float32)
    if kind == "u" and bits <= 16:
        return values.astype(np.float32) / np.float32(2**bits - 1)
    if kind == "f" and values.min() >= 0 and values.max() <= 1:
        return values.astype(np.float32)
    raise InputError(
        f"a mask and transparency must be truth values, 8 or 16 unsigned bits, or floats in [0, 1], got {values.dtype}"
        + (f" from {values.min():g} to {values.max():g}" if kind in "iuf" and values.size else "")
    )
