"""A solver that does not fit is named, with those that do, by every verb that takes one."""

import inspect

import numpy as np
import pytest

from mixot import (
    EM,
    OMT,
    SDP,
    Exact,
    FixedPoint,
    Gaussian,
    GivenComponents,
    Grid,
    InputError,
    Mixture,
    MomentSOS,
    MultiMarginal,
    Samples,
    Semidiscrete,
    TransportMap,
    barycenter,
    geodesic,
    plan,
    transport_map,
)
from mixot.solvers.entropic.free_marginals import FreeMarginals
from mixot.solvers.multimarginal.given_support import GivenSupport

MIXTURE = Mixture([0.5, 0.5], Gaussian([0.0, 2.0], [1.0, 1.0]))
POINTS = Samples([0.0, 1.0])
GRID = Grid([1.0, 2.0])


class NoMethod:
    pass


class OneArgument:
    def solve(self, problem):
        raise AssertionError("never called")


class NotAMethod:
    solve = "exact"


# what is no solver anywhere, and how the message tells it
NEVER = [
    ("exact", "'exact'"),
    (3, "3"),
    (Exact, r"the class Exact; write Exact\(\.\.\.\)"),
    (OMT, r"the class OMT; write OMT\(\.\.\.\)"),
    (SDP(), r"SDP\(\.\.\.\)"),
    (EM(), r"EM\(\.\.\.\)"),
    (FreeMarginals(), r"FreeMarginals\(\.\.\.\)"),
    (GivenSupport(), r"GivenSupport\(\.\.\.\)"),
    (NoMethod(), r"NoMethod\(\.\.\.\)"),
    (OneArgument(), r"OneArgument\(\.\.\.\)"),
    (NotAMethod(), r"NotAMethod\(\.\.\.\)"),
    (np.eye(2), r"ndarray\(\.\.\.\)"),
]
AVERAGES = [(MultiMarginal(), "MultiMarginal"), (FixedPoint(k=1), "FixedPoint"), (GivenComponents(1), "Given")]
COUPLINGS = [(Exact(), r"Exact\("), (OMT(), r"OMT\(")]
CELLS = [(Semidiscrete(), r"Semidiscrete\("), (Semidiscrete, r"the class Semidiscrete; write Semidiscrete\(")]


@pytest.mark.parametrize(("solver", "told"), NEVER + AVERAGES + CELLS)
@pytest.mark.parametrize(
    ("verb", "p", "q"),
    [(plan, MIXTURE, MIXTURE), (plan, POINTS, POINTS), (geodesic, MIXTURE, MIXTURE), (transport_map, MIXTURE, MIXTURE)],
)
def test_couplings_are_not_found_by(verb, p, q, solver, told):
    with pytest.raises(InputError, match=rf"these two measures are solved by Exact\(\.\.\.\) or OMT.*got {told}"):
        verb(p, q, solver=solver)


@pytest.mark.parametrize(("solver", "told"), NEVER + AVERAGES + COUPLINGS)
@pytest.mark.parametrize("verb", [plan, transport_map])
@pytest.mark.parametrize("density", [GRID, MIXTURE])
@pytest.mark.parametrize("first", ["points", "density"])
def test_cells_are_not_found_by(verb, density, first, solver, told):
    p, q = (POINTS, density) if first == "points" else (density, POINTS)
    with pytest.raises(InputError, match=rf"these two measures are solved by Semidiscrete\(\.\.\.\), got {told}"):
        verb(p, q, solver=solver)


@pytest.mark.parametrize(("solver", "told"), [*NEVER, *COUPLINGS, *CELLS, (FixedPoint, "the class FixedPoint")])
def test_barycenters_are_not_found_by(solver, told):
    names = r"MultiMarginal\(\.\.\.\) or GivenComponents\(\.\.\.\) or FixedPoint\(\.\.\.\)"
    with pytest.raises(InputError, match=rf"barycenters are solved by {names}, got {told}"):
        barycenter([MIXTURE, MIXTURE], solver=solver)


@pytest.mark.parametrize(("solver", "told"), [(s, t) for s, t in NEVER if not isinstance(s, SDP | OneArgument)])
def test_moment_relaxations_are_not_solved_by(solver, told):
    with pytest.raises(InputError, match=rf"moment relaxations are solved by SDP\(\.\.\.\), got {told}"):
        MomentSOS(solver=solver)


class OfOneOwn:
    """No word of what it solves: its arguments tell."""

    def solve(self, points, density, start=None):
        return Semidiscrete().solve(points, density, start)


def test_a_solver_that_does_not_say_what_it_solves_is_known_by_its_arguments():
    assert plan(POINTS, GRID, solver=OfOneOwn()).cost == plan(POINTS, GRID).cost
    assert MomentSOS(solver=OneArgument()).solver.__class__ is OneArgument


def test_the_map_itself_takes_a_solver_and_nothing_else():
    with pytest.raises(InputError, match=r"solved by Exact\(\.\.\.\) or OMT\(\.\.\.\), got 'exact'"):
        inspect.unwrap(TransportMap.between)(TransportMap, MIXTURE, MIXTURE, solver="exact")
