"""
No mixture is much better
=========================

Two components fit the waiting times of Old Faithful. ``certify(x, fit)`` proves how much more likely any Gaussian
mixture could be, of however many components, as long as none is too narrow: here less than half the fitted variance.

On the left the proof: D(m) is what a component at m would do to the best mixture of this class. It touches one at the
atoms of that mixture, and is proven to be nowhere above, between the places where it was computed, too. On the right
what it is worth: three components would have to be 8.4 nats better to be as good by BIC, and no mixture is by more than
3.1.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import certify, fit, plot

DATA = Path(__file__).parents[1] / "data" / "old-faithful.csv"


def main() -> Figure:
    """Draw the certificate of the waiting times."""
    waiting = np.loadtxt(DATA, delimiter=",", skiprows=1)[:, 1]
    found = fit(waiting, rng=0)
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.9), layout="constrained")
    plot.certificate(certify(waiting, found), waiting, axes=axes)
    axes[0].set_xlabel("minutes until the next eruption")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
