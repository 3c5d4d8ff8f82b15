"""Moves from one maximum of the likelihood to the slope of another: some component leaves, another one comes.

EM climbs from where it is. Where two components share one cluster and one covers two, no short way leads up. After
Ueda, Nakano, Ghahramani and Hinton (Neural Computation 12, 2000) one component is split, or one put where none is, and
two others are merged, or a half with another; or a small component looks for its place again. EM decides. Which moves
it tries is told by what they promise: the gain of the new component less the loss of the old one, at the rows, before
any step of EM. None of these knows the axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.gaussian.stored_covariances import stored_as, with_model, written_out
from mixot.fitting.likelihood.starts.insertions import Insertion, insertions
from mixot.fitting.likelihood.starts.split_and_merge import Split, merged, merges, splits, with_merge, with_split

_PAIRS = 2  # mergers that go with each new component
_HALVED = 3  # splits of which a half may join another component
_SMALL = 0.2  # of an average share: a component that looks for its place again


class Memberships(NamedTuple):
    """What a mixture says of the rows: responsibilities (n, k) and log-densities (n,)."""

    shares: np.ndarray
    log_p: np.ndarray


class Move(NamedTuple):
    """A start of as many components as there were, and by how much it should raise the mean log-likelihood at once."""

    promise: float
    state: Parameters


_Plan = tuple[float, Callable[[], Parameters]]


def memberships(em: GaussianEM, state: Parameters) -> Memberships:
    """Responsibilities and log-densities of the rows."""
    joint = em.log_joint(state)
    top = joint.max(axis=1)
    joint -= top[:, None]
    shares = np.exp(joint, out=joint)
    sums = shares.sum(axis=1)
    shares /= sums[:, None]
    return Memberships(shares, top + np.log(sums))


def moves(em: GaussianEM, state: Parameters, count: int, least: float = -np.inf) -> list[Move]:
    """Up to ``count`` starts of as many components as ``state``, of a promise above ``least``, the largest first."""
    if len(state.weights) < 2:
        return []
    if em.structure != "full":  # what moves promise is asked of free covariances: they tell good moves from bad ones
        found = moves(with_model(em, "VVV"), written_out(em, state), count, least)
        return [Move(promise, stored_as(em, moved)) for promise, moved in found]
    seen = memberships(em, state)
    found = [*_splits_and_mergers(em, state, seen, least), *_small_ones_placed(em, state, seen)]
    best = sorted((each for each in found if each[0] > least), key=lambda each: -each[0])
    return [Move(promise, make()) for promise, make in best[:count]]


def _splits_and_mergers(em: GaussianEM, state: Parameters, seen: Memberships, least: float) -> list[_Plan]:
    """One component more by a split or an insertion, and two merged; splits that gain more than ``least``."""
    parts = [each for each in splits(em, state, seen.shares) if each.gain > least]
    new_ones = insertions(em, state, seen.log_p)
    if not parts and not new_ones:
        return []
    pairs, out = losses(em, state, seen, _likely_pairs(em, state, seen)), []
    for split in parts:
        apart = [pair for pair in pairs if split.component not in pair[:2]]
        out += [(split.gain - loss, partial(_moved, em, state, split, i, j)) for i, j, loss in apart[:_PAIRS]]
    for split in parts[:_HALVED]:
        out += _halves_joined(em, state, seen, split)
    for new in new_ones:
        out += [(new.gain - loss, partial(_inserted, state, new, i, j)) for i, j, loss in pairs[:_PAIRS]]
    return out


def _halves_joined(em: GaussianEM, state: Parameters, seen: Memberships, split: Split) -> list[_Plan]:
    """A component split, one half of it merged with another component."""
    k, whole = len(state.weights), with_split(em, state, split)
    after = memberships(em, whole)
    gain = float(em.weights @ (after.log_p - seen.log_p)) / float(em.weights.sum())
    pairs = [pair for pair in _likely_pairs(em, whole, after) if pair[1] < k - 1 <= pair[0]]
    return [(gain - loss, partial(with_merge, whole, i, j)) for i, j, loss in losses(em, whole, after, pairs)[:_PAIRS]]


def _small_ones_placed(em: GaussianEM, state: Parameters, seen: Memberships) -> list[_Plan]:
    """Small components, each where the others leave the most to explain."""
    k, share, out = len(state.weights), em.weights / em.weights.sum(), []
    for j in np.flatnonzero(state.weights < _SMALL / k):
        rest = np.log(np.maximum(np.delete(seen.shares, j, axis=1).sum(axis=1), 1e-300))
        log_p = seen.log_p + rest - np.log1p(-state.weights[j])
        level = -float(share @ (rest - np.log1p(-state.weights[j])))
        for new in insertions(em, state, log_p)[:1]:
            out.append((new.gain - level, partial(_replaced, state, new, int(j))))
    return out


def _likely_pairs(em: GaussianEM, state: Parameters, seen: Memberships) -> list[tuple[int, int]]:
    """As many pairs as components of the lowest bound, and as many that overlap most."""
    k, share = len(state.weights), em.weights / em.weights.sum()
    bounds = merges(state)
    norms = np.maximum(np.sqrt(share @ seen.shares**2), 1e-150)
    overlaps = (seen.shares * share[:, None]).T @ seen.shares / np.outer(norms, norms)
    likely = sorted(bounds, key=lambda pair: pair[2])[:k] + sorted(bounds, key=lambda pair: -overlaps[pair[:2]])[:k]
    return sorted({pair[:2] for pair in likely})


def losses(
    em: GaussianEM, state: Parameters, seen: Memberships, pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int, float]]:
    """Pairs of components with what their merger loses per row, the least first."""
    if not pairs:
        return []
    i, j = np.array(pairs).T
    ratio = em.log_joint(merged(state, i, j))
    ratio -= seen.log_p[:, None]
    ratio = np.exp(np.minimum(ratio, 700.0, out=ratio), out=ratio)
    ratio += np.maximum(1 - seen.shares[:, i] - seen.shares[:, j], 0.0)
    lost = -(em.weights / em.weights.sum()) @ np.log(np.maximum(ratio, 1e-300, out=ratio), out=ratio)
    return sorted(zip(i.tolist(), j.tolist(), lost.tolist(), strict=True), key=lambda pair: pair[2])


def _moved(em: GaussianEM, state: Parameters, split: Split, i: int, j: int) -> Parameters:
    whole = with_split(em, state, split)
    places = [at for at in range(len(state.weights)) if at != split.component]
    return with_merge(whole, places.index(i), places.index(j))


def _inserted(state: Parameters, new: Insertion, i: int, j: int) -> Parameters:
    return _with(with_merge(state, i, j), new)


def _replaced(state: Parameters, new: Insertion, j: int) -> Parameters:
    keep = np.arange(len(state.weights)) != j
    left = state.weights[keep] / state.weights[keep].sum()
    return _with(Parameters(left, state.means[keep], state.covs[keep]), new)


def _with(state: Parameters, new: Insertion) -> Parameters:
    return Parameters(
        np.append((1 - new.weight) * state.weights, new.weight),
        np.concatenate([state.means, new.mean[None]]),
        np.concatenate([state.covs, new.cov[None]]),
    )
