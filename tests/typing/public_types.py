"""What a type checker knows of mixot's answers: nothing here runs, `make lint` reads it with pyright.

A line that must be refused carries a `pyright: ignore`; one that is not needed is an error, too.
"""

from typing import assert_type

import numpy as np

import mixot
from mixot.fitting.base import Fitter

x = np.zeros((100, 2))
name: str = input()

# The law of a fit, by family and structure.
assert_type(mixot.fit(x), mixot.Fit[mixot.Gaussian])
assert_type(mixot.fit(x, "gaussian", k=2, rng=0, structure="tied").mixture, mixot.Mixture[mixot.Gaussian])
assert_type(mixot.fit(x, structure="spherical").mixture, mixot.Mixture[mixot.DiagonalGaussian])
assert_type(mixot.fit(x, "diagonal").mixture, mixot.Mixture[mixot.DiagonalGaussian])
assert_type(mixot.fit(x, "student").mixture, mixot.Mixture[mixot.StudentT])
assert_type(mixot.fit(x[:, 0], "poisson").mixture.components, mixot.Poisson)
assert_type(mixot.fit(x, "gamma,poisson"), mixot.Fit)
assert_type(mixot.fit(x, name).mixture, mixot.Mixture)
assert_type(mixot.fit(x, structure=name), mixot.Fit)
means: np.ndarray = mixot.fit(x, k=2).mixture.components.means
rates: np.ndarray = mixot.fit(x[:, 0], "poisson").mixture.components.rates

# What a way to fit adds.
assert_type(mixot.fit(x, method=mixot.MomentSOS(distance="tv")), mixot.MomentFit[mixot.Gaussian])
assert_type(mixot.fit(x, "gamma", method="moments"), mixot.MomentFit)
assert_type(mixot.fit(x, k=2, method=mixot.MinimumWasserstein()), mixot.WassersteinFit[mixot.Gaussian])
assert_type(mixot.fit(x, structure="diagonal", method="wasserstein"), mixot.WassersteinFit)
assert_type(mixot.fit(x, method=mixot.EM(max_iter=5)), mixot.Fit[mixot.Gaussian])


def with_any(way: Fitter) -> None:
    """A way to fit of one's own gives what every fit has."""
    assert_type(mixot.fit(x, way.__class__.__name__, method=way), mixot.Fit)


# What data may be.
mixot.fit([[0.0, 1.0], [2.0, 3.0]])
mixot.fit([0.0, 1.0, 2.0])
mixot.fit(([0.0, 1.0], [0.5, 0.5]))
mixot.fit(mixot.Samples(x, counts=np.ones(100)))
mixot.fit(mixot.Grid(x + 1))
mixot.fit(x, counts=[1] * 100, k=np.int64(2), rng=np.random.default_rng(0))

# The law goes on from verb to verb.
p, q = mixot.fit(x).mixture, mixot.Mixture([0.5, 0.5], mixot.Gaussian([0.0, 1.0], [1.0, 1.0]))
assert_type(p, mixot.Mixture[mixot.Gaussian])
assert_type(q, mixot.Mixture[mixot.Gaussian])
assert_type(q.merge(), mixot.Mixture[mixot.Gaussian])
assert_type(q.marginal([0]), mixot.Mixture[mixot.Gaussian])
assert_type(q[0], mixot.Mixture[mixot.Gaussian])
assert_type(q[[0, 1]], mixot.Mixture[mixot.Gaussian])
assert_type(q[:1], mixot.Mixture[mixot.Gaussian])
assert_type(q[np.array([True, False])], mixot.Mixture[mixot.Gaussian])
assert_type([part.components for part in q], list[mixot.Gaussian])
q["one"]  # pyright: ignore[reportArgumentType]
assert_type(mixot.fit(x).candidates[0].mixture, mixot.Mixture[mixot.Gaussian])
assert_type(mixot.fit(x, "student").bic, float)
labels: np.ndarray = q.predict(x)
points, origins = q.draw(5, rng=0)
mixot.EM(start=[[0.0, 0.0]], prior="fraley-raftery")
assert_type(mixot.geodesic(p, q), mixot.Geodesic[mixot.Gaussian])
assert_type(mixot.geodesic(mixot.fit(x), q)(0.5), mixot.Mixture[mixot.Gaussian])
assert_type(mixot.geodesic(p, q, solver=mixot.OMT()), mixot.Interpolation[mixot.Gaussian])
assert_type(mixot.barycenter([p, q, mixot.geodesic(p, q)(0.5)]).mixture, mixot.Mixture[mixot.Gaussian])
assert_type(mixot.geodesic(mixot.barycenter([p, q]), p)(0.5).components, mixot.Gaussian)
assert_type(mixot.transport_map(p, q).source, mixot.Mixture[mixot.Gaussian])
assert_type(mixot.plan(p, q), mixot.Plan)
assert_type(mixot.plan(p, q, solver=mixot.OMT()), mixot.OMTPlan)
assert_type(mixot.plan(p, q, mass=0.5), mixot.PartialPlan)
assert_type(mixot.plan(x, q), mixot.SemidiscretePlan)


# A mixture of Gaussians is a mixture; one of any family is asked what it is first.
def of_any(mixture: mixot.Mixture) -> np.ndarray:
    """A function of mixtures takes every one, and narrows the law of those it knows more of."""
    if isinstance(mixture.components, mixot.Gaussian):
        return mixture.components.covs
    return mixture.components.cov()


of_any(p)
of_any(mixot.load("model.json"))
mixot.load("model.json").components.covs  # pyright: ignore[reportAttributeAccessIssue]

# What is refused.
mixot.fit(x, 2)  # pyright: ignore[reportArgumentType, reportCallIssue]
mixot.fit(x, k="two")  # pyright: ignore[reportArgumentType, reportCallIssue]
mixot.fit(x, components=2)  # pyright: ignore[reportCallIssue]
mixot.geodesic(p, 3.0)  # pyright: ignore[reportArgumentType, reportCallIssue]
mixot.fit(x).lower_bound  # pyright: ignore[reportAttributeAccessIssue]
