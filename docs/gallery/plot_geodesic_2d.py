"""
Paths between mixtures in the plane
===================================

The same comparison in the plane. W2 between densities has no closed form there: both are cut into pixels, and the
exact plan between the pixels' masses moves each piece on its straight line (first and third row). The mass tears along
the line where pieces part. Under MW2 (second and fourth row) the Gaussian components move, stretch and turn as wholes;
the path is known in closed form at every time, and its length is never below W2.

Above the mixtures of Delon and Desolneux (2020), Figure 3, where MW2^2 = 0.1475 exactly. Below one of the kind that
Chen, Georgiou and Tannenbaum (2019) show in Figures 5 to 7, whose parameters are not in print.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Grid, Mixture, Samples, geodesic, plan, plot

ROUND = 0.01 * np.eye(2)
PAIRS = [
    (
        Mixture([0.3, 0.7], Gaussian([[0.3, 0.6], [0.7, 0.7]], [ROUND, ROUND])),
        Mixture([0.4, 0.6], Gaussian([[0.5, 0.6], [0.4, 0.25]], [ROUND, ROUND])),
    ),
    (
        Mixture([0.5, 0.5], Gaussian([[0.25, 0.7], [0.3, 0.3]], [np.diag([0.002, 0.015]), np.diag([0.015, 0.002])])),
        Mixture([0.5, 0.5], Gaussian([[0.7, 0.75], [0.75, 0.4]], [np.diag([0.012, 0.003]), np.diag([0.003, 0.012])])),
    ),
]
TIMES = np.linspace(0, 1, 6)
BOX = np.array([[-0.1, 1.1], [-0.1, 1.1]])
PIXELS = 40


def pixels(mixture: Mixture) -> Samples:
    """The masses of the pixels of the box, those that hold a millionth of the largest or more."""
    centers = Grid(np.ones((PIXELS, PIXELS)), bounds=BOX).centers().points
    mass = mixture.density(centers)
    seen = mass > 1e-6 * mass.max()
    return Samples(centers[seen], mass[seen] / mass[seen].sum())


def pixel_path(p: Mixture, q: Mixture) -> tuple[float, Sequence[Mixture]]:
    """W2 between the pixels and its geodesic, each piece of mass drawn as a Gaussian as wide as a pixel."""
    start, end = pixels(p), pixels(q)
    best = plan(start, end)
    rows, cols = np.nonzero(best.coupling)
    mass = best.coupling[rows, cols] / best.coupling.sum()
    width = ((BOX[:, 1] - BOX[:, 0]) / PIXELS) ** 2
    covs = np.broadcast_to(0.6 * np.diag(width), (len(mass), 2, 2))
    path = [Mixture(mass, Gaussian((1 - t) * start.points[rows] + t * end.points[cols], covs)) for t in TIMES]
    return best.distance, path


def draw(row: np.ndarray, mixtures: Sequence[Mixture], name: str) -> None:
    """Draw one path, from blue to vermilion."""
    for ax, t, mixture in zip(row, TIMES, mixtures, strict=True):
        plot.mixture_density(mixture, ax=ax, color=plot.blend([1 - t, t]), limits=BOX)
        ax.set(aspect="equal", xlabel="", ylabel="", xticks=[0, 1], yticks=[0, 1])
    row[0].set_ylabel(name, fontsize=12)


def main() -> Figure:
    """Draw two pairs, each by W2 above and by MW2 below."""
    figure, axes = plt.subplots(4, len(TIMES), figsize=(11, 7.7), sharex=True, sharey=True, layout="constrained")
    for rows, (p, q) in zip((axes[:2], axes[2:]), PAIRS, strict=True):
        exact, pieces = pixel_path(p, q)
        path = geodesic(p, q)
        draw(rows[0], pieces, f"W2 = {exact:.3f}")
        draw(rows[1], [path(t) for t in TIMES], f"MW2 = {path.distance:.3f}")
    for ax, t in zip(axes[0], TIMES, strict=True):
        ax.set_title(f"t = {t:.1f}")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
