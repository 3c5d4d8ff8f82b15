"""Split likelihood ratios: tests of nulls whose likelihood is bounded, at any number of rows, without asymptotics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_whole
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.registry import factor_names, lookup
from mixot.inference.alternatives import COUNTS, Law, SmoothedCounts, check_comparable, fitted_mixture
from mixot.inference.e_values import EValue
from mixot.inference.null_names import null_of
from mixot.inference.nulls import Most, Null, OneLaw, OneMixture
from mixot.inference.rows import repeated, rows_of, samples_of
from mixot.mixture import Mixture, aligned
from mixot.results import Fit, Progress, ProgressCallback


def split_test(
    data: Any,
    null: Any = "one component",
    *,
    floor: Any = None,
    alternative: Any = None,
    k: int | None = None,
    splits: int = 1,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> EValue:
    """Return the evidence against a null, as an e-value: it keeps its level in finite samples, whatever the null is.

    A law g is fitted to one half of the rows. On the other half ``log e = sum log g(x) - sup sum log f(x)``, the
    supremum over all f of the null. For every f of it ``E[e] <= 1``, so ``P(e >= 1 / alpha) <= alpha``: no asymptotics,
    no regularity, which mixtures have not. Both halves take turns, and e is the average of both, which is an e-value as
    well (Wasserman, Ramdas and Balakrishnan 2020). The price is power; where the null is one Gaussian,
    `mixot.test_one_component` has more.

    Parameters
    ----------
    data : anything that `as_measure` reads as points, (n, d)
        Rows of equal weight, or with counts, in no order that matters.
    null : str, Mixture or Fit
        "one component" (one Gaussian law); the name of a family whose maximum likelihood is a closed form:
        "gaussian", "diagonal", "binomial(10)", "exponential", "laplace", "lognormal", "poisson", "rayleigh" (one law);
        "gaussian mixture, sd >= 0.5" (any number of components, none narrower; in dimension 1 to 3); "poisson mixture",
        "binomial(10) mixture", "exponential mixture" or "rayleigh mixture" (any number of components); or a mixture,
        which must not have been fitted to these rows.
    floor : str or array, optional
        Of "gaussian mixture", where its name says none: the least standard deviation of every component in every
        direction in words, "sd >= 0.5", or "0.4 sd", a share of the spread of that half which the alternative is fitted
        to; or the least covariance (d, d). A number alone is refused: `mixot.certify` reads it as a variance. It must
        not have been chosen by looking at these rows.
    alternative : str, Mixture or Fit, optional
        The family that is fitted against the null, or "counts" for the smoothed shares of each count, or a mixture that
        was chosen before. Where not given the null's own family, but "counts", "gamma" and "weibull" against all
        Poisson, exponential and Rayleigh mixtures.
    k : int, optional
        Components of the alternative; two against one law, chosen by BIC against others.
    splits : int
        How often the rows are halved; e is the average over all, and leans less on the draw.
    rng : seed, Generator or None
        Of the halves and the fits.
    progress : callable, optional
        Called with a `Progress` after every half.

    Returns
    -------
    EValue
        ``.log_e .p_value .reject(alpha) .parts .alternatives .notes``; parts are ``-inf`` where a half is told nothing
        by, such as one without spread.

    Raises
    ------
    InputError
        On an unknown null, weights, fewer than 4 (d + 1) rows, rows where the null has no mass, a Gaussian mixture
        without a floor, or an alternative on the integers against a null with a density.
    UnsupportedError
        On a null whose likelihood has no bound here, and on data that are no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import split_test
    >>> x = np.random.default_rng(0).normal(np.repeat([0.0, 5.0], 100))
    >>> found = split_test(x, rng=0)
    >>> found.null, found.reject(0.05)
    ('one Gaussian law', True)

    References
    ----------
    Wasserman, Ramdas and Balakrishnan, Universal inference, PNAS 117 (2020), sections 2 and 3 (cross-fit); Vovk and
    Wang, Ann. Statist. 49 (2021), for averages of e-values.
    """
    check_whole(splits, "splits")
    if k is not None:
        check_whole(k, "k")
    asked = null_of(null, floor)
    samples = samples_of(data, "data")
    if isinstance(asked, OneMixture):
        samples = aligned(asked.mixture, samples)
    x = rows_of(samples, "data")
    n, d = x.shape
    if n < 4 * (d + 1):
        raise InputError(f"two halves in dimension {d} need at least {4 * (d + 1)} rows, got {n}")
    asked.check(x)
    against = _Against.of(asked, alternative, k)
    generator = as_generator(rng)
    parts, laws, limits = np.empty((splits, 2)), [], []
    for at in range(splits):
        order = generator.permutation(n)
        halves = x[order[: n // 2]], x[order[n // 2 :]]
        for turn in (0, 1):
            rows, others = halves[turn], halves[1 - turn]
            law = against.law(others, generator)
            check_comparable(law, asked.integers(d))
            most = asked.most(rows, others)
            part = float(law.log_density(rows).sum()) - most.value
            parts[at, turn] = -np.inf if np.isnan(part) else part  # of infinities: no evidence is always allowed
            laws.append(law)
            limits.append(most)
            if progress is not None:
                progress(Progress("halves", 2 * at + turn + 1, 2 * splits, float(parts[at, turn])))
    log_e = float(np.logaddexp.reduce(parts.ravel()) - np.log(parts.size))
    found = tuple(law.named(samples.columns) for law in laws if isinstance(law, Mixture))
    notes = _notes(limits) + (() if any(asked.integers(d)) else repeated(x))
    return EValue(log_e, parts, asked.words, n, found, notes)


def _notes(limits: Sequence[Most]) -> tuple[str, ...]:
    """Where the null had no limit, or one that is looser than it was asked to be."""
    told = [
        f"in {count} of {len(limits)} halves {why}: the null has no limit there, and their evidence counts as e = 0"
        for why, count in Counter(most.why for most in limits if most.why).items()
    ]
    loose = [most.loose for most in limits if most.loose]
    if loose:
        told.append(
            f"in {len(loose)} of {len(limits)} halves the bound of the null is loose, by up to {max(loose):.3g} nats: "
            "the level holds, but so much of the evidence may be lost"
        )
    return tuple(told)


@dataclass(frozen=True)
class _Against:
    """What is fitted to a half: a family of so many components, the smoothed counts, or a mixture that is told."""

    family: str
    k: int | None
    told: Mixture | None = None

    @classmethod
    def of(cls, null: Null, alternative: Any, k: int | None) -> _Against:
        told = alternative.mixture if isinstance(alternative, Fit) else alternative
        if isinstance(told, Mixture):
            if k is not None:
                raise InputError("k is the number of components that are fitted, and a mixture was given; leave k out")
            return cls("", None, told)
        if not (told is None or isinstance(told, str)):
            raise InputError(f"alternative must be the name of a family or a mixture, got {type(told).__name__}")
        family = null.alternative if told is None else told
        if family == COUNTS:
            if k is not None:
                raise InputError(f'k is the number of components that are fitted, and "{COUNTS}" has none; leave k out')
            return cls(COUNTS, None)
        for name in factor_names(family):
            lookup(name)
        return cls(family, 2 if k is None and isinstance(null, OneLaw) else k)

    def law(self, others: Float[np.ndarray, "m d"], rng: np.random.Generator) -> Law:
        """The law that stands against the null, of what ``others`` say alone."""
        if self.told is not None:
            return self.told
        if self.family == COUNTS or (self.family == "poisson" and not others.any()):  # EM has no law of rate zero
            lookup("poisson").check_points(others, {})
            return SmoothedCounts.of(others, rng)
        return fitted_mixture(others, self.family, self.k, rng)
