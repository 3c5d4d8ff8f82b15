"""``mixot distance``: how far apart two inputs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixot.cli.arguments import Bright, Eps, Exact, Json, Lam, Options, Rho, SourceFile, TargetFile, smooth_solver
from mixot.cli.console import emit, show_facts
from mixot.cli.fitting_options import with_options

if TYPE_CHECKING:
    from mixot.results import Interval


@with_options()
def distance(
    a: SourceFile,
    b: TargetFile,
    exact: Exact = False,
    bright: Bright = False,
    lam: Lam = None,
    eps: Eps = None,
    rho: Rho = None,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Distance MW2 between A and B, and an interval that is proven to hold W2 between their mixtures.

    With --exact, or where a table of two columns meets a picture: W2 itself from the points to the other side. With
    --lam, --eps or --rho: the root of the cost of the smooth plan (OMT), and how stable that is.
    """
    from mixot.cli.sources import open_sides, title
    from mixot.cli.views.plans import view_of
    from mixot.verbs import bounds, plan

    solver = smooth_solver(lam, eps, rho, exact=exact)
    p, q = open_sides(a, b, options, fitted=solver is not None, exact=exact, bright=bright)
    view = view_of(p, q, plan(p.measure, q.measure, solver=solver))
    interval = None if view.problem.pair.exact else bounds(p.measure, q.measure)
    if json:
        emit({"command": "distance", **view.head(), **_facts(interval), **view.proof(), **view.sides()})
        return
    show_facts(title(p, q), view.lines(_lines(interval)))
    view.remarks()


def _facts(interval: Interval | None) -> dict[str, Any]:
    """The interval around W2, for machines; nothing where the distance is W2."""
    if interval is None:
        return {}
    ends = {"lower": interval.lower, "upper": interval.upper}
    return {"w2": {**ends, "lower_by": interval.lower_by, "upper_by": interval.upper_by}}


def _lines(interval: Interval | None) -> dict[str, object]:
    """The same, for people."""
    if interval is None:
        return {}
    return {
        "W2 at least": f"{interval.lower:.10g} (proven by: {interval.lower_by})",
        "W2 at most": f"{interval.upper:.10g} (proven by: {interval.upper_by})",
    }
