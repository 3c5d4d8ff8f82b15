"""What a certificate says: how much any mixture could gain over a fit, and which numbers of components are out."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np

from mixot._shapes import Float
from mixot.display import cards, lines
from mixot.display.rounding import at_least as at_least
from mixot.display.rounding import at_most as at_most
from mixot.mixture import Mixture


@dataclass(frozen=True, eq=False, slots=True)
class Rung:
    """One factor of the fitted floors: no mixture above ``factor`` times them exceeds ``upper_bound``.

    ``gain`` is what such mixtures could gain over the fit, in nats, and ``k_max`` the largest number of components that
    the criterion does not exclude. The bound is proven, but where the search for the critical floor went on as soon as
    it was decided on which side a factor lies, it is no tighter than that.
    """

    factor: float
    upper_bound: float
    gain: float
    k_max: int


@dataclass(frozen=True, eq=False, slots=True)
class Rival:
    """A number of components, the least that the criterion of such a mixture can be, per observation, and the verdict.

    ``criterion`` is that of the fit itself for its own k, and else a proven bound: no mixture of ``k`` components above
    the floors has a lower one. ``needed`` is what it would have to gain over the fit, in nats, to be as good.
    """

    k: int
    criterion: float
    needed: float
    excluded: bool


@dataclass(frozen=True, eq=False, slots=True)
class Certificate:
    """What no mixture above the floors exceeds, whatever its number of components, beside what a fit has reached.

    ``upper_bound`` is proven: no mixture of the family has a larger log-likelihood, a sum over the observations in
    nats, as long as each of its covariances is at least one of ``floors`` (j, d, d). Of mixtures with a component below
    the floors nothing is said, and nothing of fewer components than the fit has. A family of one parameter needs no
    floors, which are None then.

    ``log_likelihood`` is the fit's, ``k`` its number of components, ``price`` what ``criterion`` charges for one more,
    in nats, ``entropy`` that of the fit's responsibilities, which ICL charges, too, and ``observations`` how many the
    data stand for. What it says of numbers of components holds at that price, so for components of the fit's own kind:
    some that share a covariance have fewer parameters. ``reference`` is a mixture of the class whose log-likelihood is
    ``upper_bound - gap``. ``factor`` is that of the fitted floors, ``critical_floor`` the smallest one found at which
    all larger numbers of components are excluded, None where there is none below one or it was not asked for, and
    ``rungs`` are all factors that were tried.
    ``notes`` say what the data did to it, one sentence each.
    """

    upper_bound: float
    log_likelihood: float
    gap: float
    k: int
    price: float
    criterion: str
    observations: float
    parameters: int
    family: str
    dim: int
    floors: Float[np.ndarray, "j d d"] | None
    reference: Mixture | None
    entropy: float = 0.0
    factor: float | None = None
    critical_floor: float | None = None
    rungs: tuple[Rung, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def gain(self) -> float:
        """What any number of components could still gain over the fit, at most, in nats; below zero nothing could."""
        return self.upper_bound - self.log_likelihood

    @property
    def each(self) -> int:
        """The parameters of one more component, its weight included, which ``price`` is for."""
        return round(self.price / self._unit)

    @property
    def k_max(self) -> int:
        """The largest number of components that the criterion does not exclude; the fit's own where it excludes all."""
        return largest_number(self.k, self.gain + self.entropy, self.price)

    def rivals(self, more: int | None = None) -> tuple[Rival, ...]:
        """The fit's number of components and those after it: ``more`` of them, or up to the first that is excluded."""
        last = self.k_max + 1 if more is None else self.k + more
        return tuple(self._rival(k) for k in range(self.k, last + 1))

    def _rival(self, k: int) -> Rival:
        n, needed = self.observations, (k - self.k) * self.price
        own = -2 * self.log_likelihood + 2 * self.entropy + 2 * self._charge()
        if k == self.k:
            return Rival(k, own / n, 0.0, False)
        least = -2 * self.upper_bound + 2 * (self._charge() + needed)
        return Rival(k, least / n, needed - self.entropy, k > self.k_max)

    def _charge(self) -> float:
        """What the criterion charges for the fit's parameters, in nats."""
        return self.parameters * self._unit

    @property
    def _unit(self) -> float:
        return 1.0 if self.criterion == "aic" else float(np.log(self.observations)) / 2

    def __repr__(self) -> str:
        return lines.of_certificate(self)

    def _repr_html_(self) -> str:
        return cards.certificate_card(self)

    def __str__(self) -> str:
        sentences = self._gain_sentence(), self._k_sentence(), self._floor_sentence()
        return " ".join(sentence for sentence in sentences if sentence)

    def _gain_sentence(self) -> str:
        above = f", with {self._above()}," if self.floors is not None else ""
        some = f"No {self.family} mixture of any number of components{above}"
        if self.gain <= 0:
            return f"{some} is as likely as this fit of {self.k}: it is {at_least(-self.gain)} nats above the bound."
        return f"{some} improves this fit of {self.k} by more than {at_most(self.gain)} nats."

    def _above(self) -> str:
        assert self.floors is not None
        spreads = np.sqrt(np.linalg.eigvalsh(self.floors))
        if self.dim == 1:
            return f"standard deviations of at least {at_most(spreads.min())}"
        ends = f"{spreads.min():.3g} to {spreads.max():.3g}"
        one = "the floor" if len(self.floors) == 1 else f"one of {len(self.floors)} floors"
        return f"covariances of at least {one} (standard deviations {ends})"

    def _k_sentence(self) -> str:
        own = f"{self.each} parameters each" if self.each > 1 else "one parameter each"
        worse = f"at {own}, are worse by {self.criterion.upper()}"
        if self.k_max == self.k:
            return f"Among them, all with more components, {worse}."
        left = f"{self.k + 1}" if self.k_max == self.k + 1 else f"{self.k + 1} to {self.k_max}"
        return f"Among them, all with more than {self.k_max} components, {worse}; those with {left} are not excluded."

    def _floor_sentence(self) -> str:
        if self.critical_floor is None:
            return ""
        critical = at_most(self.critical_floor)
        if self.dim == 1:
            narrow = f"whose variance is below {critical} of that of your narrowest"
        else:
            narrow = f"whose covariance, in some direction, is below {critical} of the floor under yours"
        better = f"Any mixture of more such components that is better by {self.criterion.upper()}"
        return f"{better} must hold one {narrow}."


def largest_number(k: int, gain: float, price: float) -> int:
    """The largest number of components whose price is no more than what can be gained.

    Examples
    --------
    >>> largest_number(2, 9.0, 8.0), largest_number(2, 7.9, 8.0), largest_number(2, -1.0, 8.0)
    (3, 2, 2)
    """
    return k + floor(max(gain, 0.0) / price)
