"""
Turning a mixture: jumps, and none
==================================

The target turns about its center, half a degree at a time, and the plan is solved for anew. Each line is an entry of
the plan, the mass that goes from one component to another. Under MW2 (above) nothing happens for many degrees, and then
mass changes its destination between one step and the next. Under optimal mixture transport (middle) it moves over.

Below is how far the plan moves per degree, ``|w(t + h) - w(t)|_1 / h``. The dashed curve is what can be said without
solving again: the costs change by dC, and then the plan by no more than ``osc(dC) / (2 lam)``
(``plan(...).stability().cost_bound``). It holds for any change of the costs, hence is several times what happens here.
MW2 has no such bound: its jumps stay as high as they are when the step shrinks, and their speed is any.

OMT as it is here is a reconstruction: of Jin, Sümbül and Marghi (2026, arXiv 2606.02515) we know the abstract, which
announces stability under bounded perturbations; formulation, bound and proof are ours, and no number here is theirs.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import OMT, Gaussian, Mixture, plan, plot

STEP = 0.5


def mixtures(rng: np.random.Generator) -> tuple[Mixture, Mixture]:
    """Three components, and four, around the origin."""
    out = []
    for k in (3, 4):
        root = 0.3 * rng.normal(size=(k, 2, 2))
        out.append(
            Mixture(rng.dirichlet(np.full(k, 8.0)), Gaussian(rng.normal(size=(k, 2)), root @ root.swapaxes(1, 2)))
        )
    return out[0], out[1]


def turned(q: Mixture, degrees: float) -> Mixture:
    """The mixture turned about the origin."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return q.affine([[c, -s], [s, c]])


def main() -> Figure:
    """Draw the entries of both plans over the angle, and how quickly they change."""
    p, q = mixtures(np.random.default_rng(3))
    angles = np.arange(0.0, 360.0 + STEP, STEP)
    exact = [plan(p, turned(q, t)) for t in angles]
    lam = 0.05 * float(np.median(exact[0].cost_matrix))  # one for all angles
    entropic = [plan(p, turned(q, t), solver=OMT(lam=lam)) for t in angles]
    bound = [now.stability().cost_bound(after.cost_matrix) / STEP for now, after in pairwise(entropic)]

    figure, axes = plt.subplots(3, 1, figsize=(10, 8), sharex=True, layout="constrained")
    speeds = []
    for ax, some, name in zip(axes, (exact, entropic), ("MW2", f"OMT, lam = {lam:.3g}"), strict=False):
        entries = np.stack([each.coupling.ravel() for each in some])
        speeds.append(np.abs(np.diff(entries, axis=0)).sum(axis=1) / STEP)
        for s, column in enumerate(entries.T):
            ax.plot(angles, column, color=plot.COLORS[s // 4], alpha=1 - 0.2 * (s % 4), linewidth=1.5)
        ax.set(ylabel="mass of each pair", title=name, ylim=(0, None))
    middle = angles[:-1] + STEP / 2
    axes[2].plot(middle, speeds[0], color=plot.COLORS[3], linewidth=1.2, label=f"MW2: up to {speeds[0].max():.2f}")
    axes[2].plot(middle, speeds[1], color=plot.COLORS[2], linewidth=2, label=f"OMT: up to {speeds[1].max():.2f}")
    axes[2].plot(middle, bound, color="0.2", linestyle="--", linewidth=1, label="bound for OMT")
    axes[2].set(xlabel="angle of the target (degrees)", ylabel="change of the plan per degree", ylim=(0, None))
    axes[2].set(title="How far the plan moves", xlim=(0, 360), xticks=range(0, 361, 45))
    axes[2].legend(frameon=False, loc="upper right")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
