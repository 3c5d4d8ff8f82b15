"""The function whose supremum a certificate proves."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.roles import Natural, require
from mixot.inference.certificate import Certificate
from mixot.measures import Samples


def mixing_gradient(proof: Certificate, points: Samples, places: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " k"]:
    """Return D at some places, (k, d) -> (k,): what mass there would do to the likelihood of the certificate's mixture.

    ``D(m) = sum_i w_i phi_A(x_i - m) / f(x_i)``, f the reference's density, the largest over all floors A: a component
    at m raises the mean log-likelihood at the rate D(m) - 1. No mixture of such components gains more per observation
    than ``log sup D``. For families of one parameter, places are means, and phi the law with that mean.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import Gaussian, Mixture, Samples, certify
    >>> x = Samples(np.linspace(-1.0, 1.0, 50))
    >>> proof = certify(x, Mixture([1.0], Gaussian([0.0], [0.4])), floors=0.4)
    >>> bool(mixing_gradient(proof, x, np.linspace(-3.0, 3.0, 99)[:, None]).max() <= np.exp(proof.gap / 50))
    True
    """
    if proof.reference is None:
        raise InputError("the certificate has no reference mixture; certify the fit again")
    x = points.points.astype(np.float64)
    ratios = points.weights * np.exp(-proof.reference.log_density(x))
    if proof.floors is None:
        law = require(proof.reference.components, Natural)
        return ratios @ np.exp(law.of_natural(law.natural_of_mean(places[:, 0])).log_prob(x))
    return np.max([ratios @ _kernels(places, floor, x) for floor in proof.floors], axis=0)


def _kernels(
    places: Float[np.ndarray, "k d"], floor: Float[np.ndarray, "d d"], x: Float[np.ndarray, "n d"]
) -> Float[np.ndarray, "n k"]:
    # the kernel is symmetric: one law at 0, seen from every difference
    apart = (x[:, None, :] - places).reshape(-1, x.shape[1])
    return np.exp(Gaussian(np.zeros((1, x.shape[1])), floor[None]).log_prob(apart)).reshape(len(x), len(places))
