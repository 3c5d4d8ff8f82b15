"""Averages of shapes: one, a path between two, a square between four."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mixot._checks import check_whole
from mixot.errors import InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.imaging.shapes.shape import Shape
from mixot.imaging.shapes.symmetry import Mirror
from mixot.mixture import Mixture
from mixot.transport.barycenter import of_mixtures


def average(shapes: Sequence[Shape], weights: Any = None) -> Shape:
    """Return the average of shapes: the barycenter of their mixtures under MW2, exact.

    Square roots of masses (areas, for silhouettes) are averaged as lengths are, so that a disk of radius 1 and one of
    radius 3 have in the middle the disk of radius 2. Where all shapes are their own mirror images about axes of one
    direction, so is the average: among barycenters of the same objective the one that is.

    Parameters
    ----------
    shapes : sequence of Shape
        At least one; their pictures, laid upon each other by their middles, have longer sides of one length
    weights : array (J,), optional
        One for each, of sum one; equal where not given.

    Returns
    -------
    Shape
        ``.barycenter`` holds plan, objective and lower bound.

    Raises
    ------
    InputError
        Where there are no shapes, or weights do not fit them.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.imaging.shapes import Shape, average
    >>> left, right = np.ones((2, 24, 24))
    >>> left[8:16, 2:8] = right[8:16, 16:22] = 0
    >>> middle = average([Shape.of(left, k=2), Shape.of(right, k=2)])
    >>> bool(abs(middle.mixture.mean()).max() < 1e-9)
    True

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, section 5.3.
    """
    if not shapes:
        raise InputError("shapes must hold at least one shape, got none")
    found = of_mixtures([shape.mixture for shape in shapes], weights)
    counted = [shape for shape, weight in zip(shapes, found.weights, strict=True) if weight > 0]
    mean = Mixture(found.mixture.weights, Gaussian(found.mixture.components.mean(), found.mixture.components.cov()))
    mixture, mirror = _mirrored(mean, counted)
    root = found.weights @ np.sqrt([shape.mass for shape in shapes])
    return Shape(
        mixture,
        float(root**2),
        max(shape.width for shape in shapes),
        max(shape.height for shape in shapes),
        max(shape.resolution for shape in shapes),
        silhouette=all(shape.silhouette for shape in shapes),
        mirror=mirror,
        kind="average",
        barycenter=found,
    )


def path(a: Shape, b: Shape, steps: int = 5) -> list[Shape]:
    """Return ``steps`` shapes on the way from one to another, both ends included, at equal distances MW2.

    Raises
    ------
    InputError
        Where there are fewer than two steps.
    """
    check_whole(steps, "steps", least=2)
    return [average([a, b], [1 - t, t]) for t in np.linspace(0.0, 1.0, steps).tolist()]


def four_corners(corners: Sequence[Shape], size: int = 5) -> list[list[Shape]]:
    """Return ``size`` rows of ``size`` averages of four shapes, with bilinear weights.

    Parameters
    ----------
    corners : sequence of Shape
        Upper left, upper right, lower left, lower right.
    size : int
        Shapes along a side, the corners included.

    Raises
    ------
    InputError
        Where there are not four shapes, or fewer than two along a side.
    """
    check_whole(size, "size", least=2)
    if len(corners) != 4:
        raise InputError(f"a square has four corners, got {len(corners)} shapes")
    steps = np.linspace(0.0, 1.0, size)
    return [
        [average(corners, np.outer([1 - down, down], [1 - right, right]).ravel()) for right in steps] for down in steps
    ]


def _mirrored(mixture: Mixture[Gaussian], shapes: Sequence[Shape]) -> tuple[Mixture[Gaussian], Mirror | None]:
    """The mixture and its image in equal parts, where all shapes are their own images about axes of one direction.

    The image of an optimal plan is then a plan of the same cost, and so is their mean.
    """
    mirrors = [shape.mirror for shape in shapes if shape.mirror is not None]
    if len(mirrors) < len(shapes) or len({each.angle for each in mirrors}) > 1:
        return mixture, None
    mirror = Mirror(mixture.mean(), mirrors[0].angle)
    image, partner = mirror.image(mixture), mirror.pairs(mixture)
    own = zip(mixture.components.parameters().values(), image.components.parameters().values(), strict=True)
    same = all(np.allclose(theirs[partner], ours, atol=1e-9) for ours, theirs in own)
    if same and np.allclose(mixture.weights[partner], mixture.weights, atol=1e-9):
        return mixture, mirror
    both = Gaussian(
        np.concatenate([mixture.components.means, image.components.means]),
        np.concatenate([mixture.components.covs, image.components.covs]),
    )
    return Mixture(np.tile(mixture.weights / 2, 2), both), mirror
