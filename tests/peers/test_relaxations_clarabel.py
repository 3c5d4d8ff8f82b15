"""Relaxations have one value, whoever solves them."""

import pytest

from mixot import DiagonalGaussian, Exponential, Gamma, Gaussian, Mixture, Samples
from mixot.families.registry import lookup
from mixot.solvers.sdp.clarabel import ClarabelSDP
from mixot.solvers.sdp.interior_point import SDP
from mixot.sos import regularizers
from mixot.sos.relaxation import Relaxation
from mixot.sos.target import target_of

pytest.importorskip("clarabel")

CASES = [
    (Mixture([0.5, 0.5], Gamma([1.0, 6.0], [1.0, 1.0])), "exponential", 3),
    (Mixture([0.4, 0.6], Exponential([0.5, 2.0])), "gaussian", 2),
    (Mixture([0.4, 0.6], DiagonalGaussian([[0.0, 1.0], [3.0, -1.0]], [[0.5, 0.2], [0.3, 1.0]])), "diagonal", 2),
    (Mixture([1.0], Gaussian([[0.0, 1.0]], [[[1.0, 0.3], [0.3, 0.5]]])), "gaussian", 2),
]


@pytest.mark.parametrize("distance", ["tv", "w2"])
@pytest.mark.parametrize(("measure", "name", "order"), CASES)
def test_values_agree_with_clarabel(measure, name, order, distance, rng):
    data = Samples(measure.sample(400, rng=rng))
    model = lookup(name).moment_model(data.dim)
    target = target_of(data, model, 2 * order)
    bare = Relaxation(model, model.region(target.extent), target, order, distance=distance)
    case = Relaxation(
        model, bare.region, target, order, distance, 0.01, regularizers.named("spread", bare), basis="monomial"
    )
    ours, theirs = SDP().solve(case.problem), ClarabelSDP().solve(case.problem)
    assert ours.objective == pytest.approx(theirs.objective, abs=2e-6)
