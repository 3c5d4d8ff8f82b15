"""A shape, or a grey density: a mixture in the plane that a picture became, and that becomes a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import check_whole
from mixot._shapes import Num
from mixot.families.elliptical.gaussian import Gaussian
from mixot.imaging.shapes.drawing import covered, pixel_density
from mixot.imaging.shapes.fits import fit_ink
from mixot.imaging.shapes.ink import Ink
from mixot.imaging.shapes.symmetry import Mirror
from mixot.mixture import Mixture
from mixot.results import ProgressCallback
from mixot.transport.barycenter import Barycenter


@dataclass(frozen=True, eq=False)
class Shape:
    """A shape as a mixture of Gaussian laws in the plane.

    Coordinates are in units of the longer side of the picture, from its middle, x to the right and y down.

    Parameters
    ----------
    mixture : the law of its ink
    mass : its ink, or the area of a silhouette, in squared units
    width, height : of the sheet, in units; the longer is 1
    resolution : pixels along the longer side of the picture that it came from
    silhouette : whether it is drawn as one, without being told
    mirror : the mirror that leaves the mixture as it is, if there is one
    kind : what was taken for the shape, in words
    notes : what one should know
    barycenter : of an average, what proves it
    """

    mixture: Mixture[Gaussian]
    mass: float
    width: float
    height: float
    resolution: int
    silhouette: bool = False
    mirror: Mirror | None = None
    kind: str = "dark on light"
    notes: tuple[str, ...] = ()
    barycenter: Barycenter | None = None

    @classmethod
    def of(
        cls,
        picture: Any,
        *,
        k: int = 30,
        silhouette: bool = False,
        invert: bool | None = None,
        symmetric: bool = True,
        rng: Any = 0,
        progress: ProgressCallback | None = None,
    ) -> Shape:
        """Fit k components to the ink of a picture, by maximum likelihood.

        What is darker than the border is ink; of a picture with a dark border what is lighter (a note says so), and
        where the border is transparent, what is opaque.

        Parameters
        ----------
        picture : array (h, w) or (h, w, 1 to 4)
            uint8, uint16 or floats in [0, 1], where two and four channels end in alpha; or booleans, true in the shape.
        k : int
            Components; fewer, with a note, where fewer pixels have ink.
        silhouette : bool
            Whether the picture has two tones, ink and paper, and averages are drawn so.
        invert : bool, optional
            Whether the shape is light; decided by the border where not given.
        symmetric : bool
            Whether a shape that is its own mirror image gets a fit that is.
        rng : seed, Generator or None
            For the starts of the fit; with a seed the same picture has the same fit.
        progress : callable, optional
            Called with a `Progress` after each iteration.

        The fit of a picture that was mirrored or turned by right angles is the mirrored or turned fit.

        Raises
        ------
        InputError
            Where the picture is of one tone, or no picture.

        Examples
        --------
        >>> import numpy as np
        >>> from mixot.imaging.shapes import Shape
        >>> picture = np.ones((40, 40))
        >>> picture[10:30, 15:25] = 0
        >>> shape = Shape.of(picture, k=3)
        >>> len(shape.mixture), shape.mass, shape.mirror.angle
        (3, 0.125, 90.0)
        """
        check_whole(k, "k")
        ink = Ink.of(picture, silhouette=silhouette, invert=invert)
        longer = max(ink.mass.shape)
        mixture, mirror, notes = fit_ink(ink.mass, k, symmetric=symmetric, rng=rng, progress=progress)
        height, width = (side / longer for side in ink.mass.shape)
        mass = float(ink.mass.sum() / longer**2)
        return cls(mixture, mass, width, height, longer, silhouette, mirror, ink.kind, ink.notes + notes)

    def pixels(self, size: int | None = None, *, silhouette: bool | None = None) -> Num[np.ndarray, "h w"]:
        """The shape drawn, dark on white, uint8; ``size`` pixels along the longer side, or as many as it came with.

        A density has in each pixel its ``mass`` times that of the mixture there. A ``silhouette`` is the set where the
        density is highest, as large as ``mass`` says.
        """
        longer = self.resolution if size is None else size
        check_whole(longer, "size")
        height, width = (max(1, round(side * longer)) for side in (self.height, self.width))
        density = pixel_density(self.mixture, height, width, longer)
        area = self.mass * longer**2
        flat = self.silhouette if silhouette is None else silhouette
        ink = covered(density, area) if flat else np.clip(density * np.float32(area), 0, 1)
        return (255 - 255 * ink + 0.5).astype(np.uint8)
