"""Which of the numbers of components that were tried is taken, and what has to be said about the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mixot.results import Candidate, Fit, Status

LAST = "the largest number that was tried"  # a reason that does not speak against a candidate
OTHER_STARTS = "another rng draws other starts"  # the advice of fitters that have no number of starts
_FALL = 1e-3  # nats per row: EM that has converged to its tolerance may still be so far from its limit


def choice(candidates: Sequence[Candidate]) -> int:
    """Return the index of the lowest criterion among those that compete, or of the fewest components where none does.

    ``reason`` says why a candidate does not compete.

    Examples
    --------
    >>> choice([Candidate(1, -2.0, 4.1), Candidate(2, -1.0, 2.3, "one component has two rows")])
    0
    """
    allowed = np.array([np.inf if each.reason else each.criterion for each in candidates])
    return int(np.argmin(allowed if np.isfinite(allowed).any() else [each.k for each in candidates]))


def judged(
    candidates: Sequence[Candidate], rows: float, most: int | None, limit: str = "k_max", more: str = "raise starts"
) -> tuple[int, tuple[Candidate, ...], tuple[str, ...]]:
    """Return the index of the choice, the candidates with a reason wherever there is one, and notes.

    A note says that no candidate is determined by the rows, that a candidate of lower criterion was left out, that the
    choice is the largest number allowed, and that a likelihood falls where K grows.

    Parameters
    ----------
    candidates : sequence of Candidate
        In order of k; those with a ``reason`` do not compete.
    rows : float
        Number of observations.
    most : int or None
        The number at which the search had to end; None where it did not choose or ended by itself.
    limit : str
        What ended it there.
    more : str
        What finds better maxima: an option that the caller's fitter has.
    """
    best = choice(candidates)
    chosen = candidates[best]
    notes = _left_out(candidates, chosen)
    if chosen.reason:
        notes = (f"the rows do not determine the mixture of {chosen.k}: {chosen.reason}", *notes)
    out = list(candidates)
    if chosen.k == most:
        notes += (f"K = {most} is the largest number that was tried: more may fit better; raise {limit}",)
        out[best] = replace(chosen, reason=chosen.reason or LAST)
    falls = _falls(candidates, max(_FALL, 1 / rows))
    for place, below in falls:
        out[place] = replace(out[place], reason=out[place].reason or f"less likely than k = {below}: a poor maximum")
    own = [(place, below) for place, below in falls if candidates[place].structure == chosen.structure]
    if own:
        pairs = ", ".join(f"from k = {below} to {candidates[place].k}" for place, below in own)
        notes += (f"the log-likelihood falls {pairs}, so better mixtures of more components exist; {more}",)
    return best, tuple(out), notes


def candidate_of(fit: Fit, reason: str = "") -> Candidate:
    """The candidate that a fit stands for, which ``reason`` keeps from competing where there is one."""
    counts: dict[str, Any] = {"n_parameters": fit.n_parameters, "observations": fit.observations}
    return Candidate(len(fit.mixture), fit.log_likelihood, fit.criterion, reason, mixture=fit.mixture, **counts)


def without_options(notes: Sequence[str]) -> tuple[str, ...]:
    """Notes of EM for a fit that ran it and lacks its options: what they say, without what to raise there."""
    unsaid = "; raise starts", Status.MAX_ITER.advice.removeprefix(Status.MAX_ITER.advice_for(None))
    return tuple(note.removesuffix(unsaid[0]).removesuffix(unsaid[1]) for note in notes)


def _left_out(candidates: Sequence[Candidate], chosen: Candidate) -> tuple[str, ...]:
    """A note on the candidates of lower criterion than the choice: the reason of the lowest, and which others."""
    lower = [each for each in candidates if each.reason and each.criterion < chosen.criterion and each is not chosen]
    if not lower:
        return ()
    least = min(lower, key=lambda each: each.criterion)
    several = len({each.structure for each in candidates}) > 1
    note = (
        f"K = {chosen.k}{f' {chosen.structure}' if several else ''} (criterion {chosen.criterion:.4f}), although "
        f"{least.criterion:.4f} is reached with k = {least.k}{f' {least.structure}' if several else ''}: left out, "
        f"because {least.reason}"
    )
    if several and len(lower) > 1:
        return (f"{note}; so were {len(lower) - 1} others",)
    others = ", ".join(str(each.k) for each in lower if each is not least)
    return (f"{note}; so were k = {others}" if others else note,)


def _falls(candidates: Sequence[Candidate], tol: float) -> list[tuple[int, int]]:
    """Places of those less likely than a smaller number, with that number; those that do not compete left aside."""
    out: list[tuple[int, int]] = []
    tops: dict[str, Candidate] = {}  # of each covariance model
    for place, each in enumerate(candidates):
        if each.reason or not np.isfinite(each.log_likelihood):
            continue
        top = tops.get(each.structure)
        if top is not None and each.log_likelihood < top.log_likelihood - tol:
            out.append((place, top.k))
        elif top is None or each.log_likelihood > top.log_likelihood:
            tops[each.structure] = each
    return out
