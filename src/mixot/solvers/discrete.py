"""Exact transport between finitely many atoms, with dual potentials as proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.errors import SolveError
from mixot.results import Plan, Status


@dataclass(frozen=True)
class Exact:
    """Network simplex for the transport linear program.

    Parameters
    ----------
    max_iter : pivots before it gives up and raises `SolveError`
    """

    max_iter: int = 10_000_000

    def solve(self, cost: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"]) -> Plan:
        """Return the cheapest coupling of a and b: ``min <w, cost>`` over w >= 0, w 1 = a, w^T 1 = b."""
        from ot import emd  # here: it takes a second to import

        coupling, log = emd(a, b, cost, numItermax=self.max_iter, log=True)
        f = np.asarray(log["u"])
        g = (cost - f[:, None]).min(axis=0)
        f = (cost - g).min(axis=1)
        error = max(np.abs(coupling.sum(axis=1) - a).max(), np.abs(coupling.sum(axis=0) - b).max())
        status = Status.OPTIMAL if log["result_code"] == 1 else Status.MAX_ITER
        plan = Plan(
            coupling, float((coupling * cost).sum()), float(f @ a + g @ b), status, 0, float(error), cost, (f, g)
        )
        if not status.solved:
            raise SolveError(f"the linear program did not finish: {status.advice}; gap {plan.gap:.3g}", plan)
        return plan
