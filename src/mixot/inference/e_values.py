"""Evidence against a null that keeps its level without asymptotics."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.inference.levels import checked_level, shown_p
from mixot.mixture import Mixture


@dataclass(frozen=True, eq=False, slots=True)
class EValue:
    """Evidence against ``null``: a number e whose mean is at most one under every law of it.

    So ``P(e >= 1 / alpha) <= alpha`` (Markov's inequality), at any number of rows. ``log_e`` is the logarithm of e, in
    nats; ``parts`` are those of the split likelihood ratios whose average e is, (splits, 2); ``alternatives`` are the
    mixtures that were fitted to the halves, for those nulls whose alternative is a mixture. Averages of e-values of one
    null are e-values, and so are products where the data are independent.
    """

    log_e: float
    parts: Float[np.ndarray, "s 2"]
    null: str
    n: int
    alternatives: tuple[Mixture, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """``min(1, 1 / e)``: a p-value, and weaker than the e-value; above zero always.

        What is below the range of floats becomes 2.2e-308; ``log_e`` is not cut.
        """
        return max(float(np.exp(-max(self.log_e, 0.0))), sys.float_info.min)

    def reject(self, alpha: float = 0.05) -> bool:
        """Whether the null is rejected at level ``alpha``: where it is true, with at most that probability."""
        return bool(self.log_e >= -np.log(checked_level(alpha)))

    def __str__(self) -> str:
        return (
            f"null: {self.null}; log e = {self.log_e:.4g} from {self.n} rows, {shown_p(self.p_value)}; e reaches "
            "1 / alpha with probability at most alpha where the null is true, in finite samples"
        )
