"""
Coming from sdot
================

The names of sdot (release 2026.10.22), and those used here. Potentials, masses, centroids, costs and gradients of the
two agree; potentials up to a constant.

| sdot | mixot |
|---|---|
| ``SumOfDiracs(positions, weights)`` | an array, ``(points, weights)`` or ``Samples(points, weights)`` |
| ``Image(values, origin=, frame=)`` | ``Grid(values, bounds)`` |
| ``Image(coefficients, degree=1)`` | ``Grid(values, bounds, degree=1)`` |
| ``SumOfGaussians(positions, sigmas, weights)`` | ``Mixture(weights, Gaussian(means, covs))`` |
| ``plan(f, g)``, ``ot_solve(f, g)`` | ``plan(p, q)``, the points first or second |
| ``ot_solve(f, g, tol=1e-10)``, ``Iterative(tol=1e-10)`` | ``plan(p, q, solver=Semidiscrete(tol=1e-10))`` |
| ``w2(f, g)``, which is squared | ``distance(p, q)``, which is not |
| ``plan.cost``, ``plan.barycenters``, ``plan.cell_masses`` | ``plan.cost``, ``plan.centroids``, ``plan.masses`` |
| ``plan.weights`` | ``plan.potentials`` |
| ``plan.converged``, ``plan.stats`` | ``plan.status``, ``plan.marginal_error``, and ``plan.gap``, a proof |
| ``OtNotConverged.solution`` | ``SolveError.result`` |
| ``plan.power_diagram()`` | ``plan.cells()`` |
| ``plan.cost_and_position_grad()`` | ``plan.cost``, ``plan.points_gradient()`` |
| ``jax.grad``, ``backward`` through ``w2`` | ... through ``mixot.jax.cost``, ``mixot.torch.cost`` |
| ``ot_solve(f, g, ot_plan=before)``, ``OtProblem`` | ``Semidiscrete().solve(p, grid, start=before.potentials)`` |
| ``quantization(g, n)`` | ``quantize(q, n)``, also with ``weights="free"`` |
| ``SdotPlan1d``, for positions ``(n, 1)`` | the same ``plan``, for points ``(n, 1)`` or ``(n,)`` |
| ``plan.write_html(path)``, ``Visualizer`` | ``plot.cells(plan)``, ``plot.displacement(plan)`` |

Tutorials of sdot call some of these by names that the release has not: ``PolynomialGrid`` is ``Image``, ``distance`` is
``w2``, ``optimal_transport_plan`` is ``plan``.

What differs under the same name: weights of points must sum to one here, and sdot scales them. Pixels are unit squares
where no bounds are given, and in sdot the longer side of the picture is one. ``degree=1`` is linear between the centers
of pixels here, with one value each; in sdot it is a polynomial on each pixel, with four. Gaussians have any covariance
here, and all of the plane or of space; in sdot they are round, and end at 6 sigma. The gradient in a point is that of
the squared distance in both, ``2 mass (point - centroid)``; the tutorial's formula leaves the 2 out.

**What sdot has and mixot has not:** spaces that repeat (a torus, a cylinder), partial transport (points that take a
share of the density), densities on meshes, polytopes and splines, functions of the distance to a point that its cell
integrates, projections of points and of tents for tomography, in batches on the line, more than three dimensions,
graphics cards, and views in the browser and VTK. Who needs one of these stays with sdot.

**What mixot has and sdot has not:** integrals of Gaussians with full covariances over all of the plane or of space,
distances between two mixtures and between two sets of points, a proven gap, free weights, and no compiler at run time:
the first plan takes milliseconds. [Performance](performance.html) has the times of both.

Above: the density and the points of sdot's tutorial on fitting a Gaussian mixture, 200 at random, with their cells,
and with lines to the centroids; the points after ``quantize``. Below: what the tutorial announces, Gaussians with full
covariances; points on the line.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Grid, Mixture, Samples, Semidiscrete, distance, plan, plot, quantize


def tutorial() -> tuple[np.ndarray, Grid]:
    """200 points at random, and two round hills on 64 x 64 pixels of the unit square."""
    x, y = np.meshgrid(*[np.linspace(0, 1, 64)] * 2, indexing="ij")  # the first axis of a grid is x, as in sdot
    hills = sum(np.exp(-50 * ((x - c) ** 2 + (y - c) ** 2)) for c in (0.3, 0.7))
    return np.random.default_rng(0).random((200, 2)), Grid(hills, [[0, 1], [0, 1]])


def main() -> Figure:
    """Draw the tutorial's problem, its solution by descent, and two that sdot does not have."""
    points, target = tutorial()
    found = plan(Samples(points), target)
    assert distance(points, target) == found.distance == np.sqrt(found.cost)  # sdot's w2 is found.cost
    assert found.gap < 1e-6 * found.cost  # the squared distance lies in [cost, cost + gap]

    # One step of the tutorial's descent by hand, from the potentials of the last plan on: a few Newton steps.
    closer = points - 0.25 * len(points) * found.points_gradient()
    warm = Semidiscrete().solve(Samples(closer), target, start=found.potentials)
    assert warm.cost < found.cost

    law = Mixture([0.5, 0.3, 0.2], Gaussian([[0, 0], [3, 1], [1, 3]], [[[1, 0.6], [0.6, 0.5]]] * 2 + [np.eye(2) / 4]))
    line = Mixture([0.4, 0.6], Gaussian([0.0, 3.0], [0.5, 1.0]))  # two numbers for each: the variances

    figure, axes = plt.subplots(2, 3, figsize=(12.5, 8), layout="constrained")
    plot.cells(found, ax=axes[0, 0])
    plot.displacement(found, ax=axes[0, 1])
    settled = quantize(target, 200, rng=0)
    plot.cells(plan(settled.samples, target), ax=axes[0, 2], centroids=False)
    plot.cells(plan(law.sample(150, rng=1), law), ax=axes[1, 0])
    plot.displacement(plan(law.mean() + 2 * np.random.default_rng(2).standard_normal((400, 2)), law), ax=axes[1, 1])
    plot.cells(plan([-2.0, -1.5, 0.0, 0.5, 2.0, 2.2, 3.5, 6.0], line), ax=axes[1, 2])
    titles = [
        f"points, W2 = {found.distance:.4f}",
        "",
        f"quantized, W2 = {settled.distance:.4f}",
        "",
        "",
        "on the line",
    ]
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title, fontsize=10)
    axes[1, 0].set_title("full covariances", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
