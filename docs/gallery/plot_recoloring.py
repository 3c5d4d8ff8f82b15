"""
A photograph in the colors of another
=====================================

``mixot recolor photo.png --palette other.png -o out.png`` moves all colors by one smooth map that lets no difference
grow by more than 2.5; see `the page on recoloring <../recoloring.html>`_.

Each row: the photograph, the palette, and the photograph in its colors, half of the way (``strength=0.5``) and all of
it. Then two maps that are held to no gain: that between mixtures of ten components (``faithful=True``), and the affine
one between the moments of red, green and blue (POT's ``LinearTransport``, color-matcher's ``mkl``). Below, a part of
the sky and the cat's eye: the map between mixtures tears flat parts into patches and takes the life out of the eye, and
the affine one makes colors that the palette does not have.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import datasets
from mixot.imaging.color import transfer

PAIRS = (("rocket", "coffee"), ("chelsea", "rocket"), ("coffee", "chelsea"))
CROPS = {0: (slice(120, 270), slice(300, 525)), 1: (slice(40, 190), slice(110, 335))}
TITLES = ("photograph", "palette", "strength 0.5", "recolored", "mixtures", "affine")


def by_moments(photo: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The affine map between the means and covariances of red, green and blue, clipped."""
    a, b = (image.reshape(-1, 3) / 255 for image in (photo, palette))
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root, inverse = ((vectors * values**power) @ vectors.T for power in (0.5, -0.5))
    values, vectors = np.linalg.eigh(root @ np.cov(b.T) @ root)
    linear = inverse @ ((vectors * np.sqrt(values)) @ vectors.T) @ inverse
    moved = (a - a.mean(axis=0)) @ linear + b.mean(axis=0)
    return np.rint(255 * np.clip(moved, 0, 1)).astype(np.uint8).reshape(photo.shape)


def main() -> Figure:
    """Three pairs, and parts of two of them below."""
    figure, axes = plt.subplots(len(PAIRS) + len(CROPS), len(TITLES), figsize=(14, 9.5), layout="constrained")
    for i, pair in enumerate(PAIRS):
        photo, palette = (datasets.photograph(name) for name in pair)
        made = [
            photo,
            palette,
            transfer(photo, palette, strength=0.5),
            transfer(photo, palette),
            transfer(photo, palette, faithful=True, rng=0),
            by_moments(photo, palette),
        ]
        for axis, title, pixels in zip(axes[i], TITLES, made, strict=True):
            axis.imshow(pixels)
            axis.set_title(title if i == 0 else "")
        if i in CROPS:
            row = axes[len(PAIRS) + list(CROPS).index(i)]
            for axis, pixels, title in zip(row, made, TITLES, strict=True):
                if title != "palette":
                    axis.imshow(pixels[CROPS[i]], interpolation="nearest")
    for axis in axes.ravel():
        axis.axis("off")
        if not axis.has_data():
            axis.remove()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
