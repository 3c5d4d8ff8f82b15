"""Regions of parameters as people write them, in the words in which fits tell them: ``mean in [-3, 3]``."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from mixot.errors import InputError
from mixot.families.moment_model import Extent, MomentModel
from mixot.formulas.polynomial.regions import Box, Region, Spectrum

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PART = re.compile(rf"([A-Za-z]\w*(?:\[\d+(?:,\d+)?\])?)\s+in\s+\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]")
_SPREADS = {"variance": 2, "cov": 2, "std": 1}  # parameters that sd speaks of, as powers of it


def region_of_words(text: str, model: MomentModel, extent: Extent) -> Region:
    """Return the region that ``text`` names; parameters that it leaves out keep what the family takes from the data.

    ``text`` lists ``NAME in [LO, HI]``, NAME being a parameter such as ``mean[0]``, all of one kind, ``mean``, or
    ``sd``, the standard deviations of Gaussian laws along every axis, whatever the parameters. Of full covariances
    ``cov`` and ``sd`` bound the eigenvalues.

    Raises
    ------
    InputError
        On text that cannot be read, or a name that the family does not have.
    """
    region = model.region(extent)
    for name, low, high in _parts(text):
        region = _bounded(region, model, name, low, high)
    return region


def check_words(text: str) -> None:
    """Raise an `InputError` where the text cannot be read, whatever the family."""
    _parts(text)


def _parts(text: str) -> list[tuple[str, float, float]]:
    found = [(name, float(low), float(high)) for name, low, high in _PART.findall(text)]
    rest = _PART.sub("", text).replace(",", "").strip()
    if rest or not found:
        raise InputError(
            f'a region is written like "mean in [-3, 3], sd in [0.5, 2]", got {text!r}'
            + (f"; {rest!r} cannot be read" if rest and found else "")
        )
    for name, low, high in found:
        if not low < high:
            raise InputError(f"of {name} in [{low:g}, {high:g}] the first end must be below the second")
    return found


def _bounded(region: Region, model: MomentModel, name: str, low: float, high: float) -> Region:
    stems = [each.split("[")[0] for each in model.names]
    if name == "sd":
        stem = next((each for each in stems if each in _SPREADS), None)
        if stem is None:
            raise InputError(f"sd is of Gaussian laws; parameters of this family are {', '.join(model.names)}")
        if low < 0:
            raise InputError(f"sd must not be negative, got [{low:g}, {high:g}]")
        name, low, high = stem, low ** _SPREADS[stem], high ** _SPREADS[stem]
    at = [i for i, (whole, stem) in enumerate(zip(model.names, stems, strict=True)) if name in (whole, stem)]
    if not at:
        raise InputError(f"no parameter is called {name!r}; this family has {', '.join(model.names)}")
    whole = name == "cov" or name in model.names[-1:]  # all of a covariance, or the only entry there is
    spectra = [each for each in region if isinstance(each, Spectrum)]
    if spectra and whole and set(at) >= set(np.diagonal(spectra[0].index).tolist()):
        unit = np.eye(len(spectra[0].index))
        return tuple(replace(e, lower=low * unit, upper=high * unit) if isinstance(e, Spectrum) else e for e in region)
    inside = spectra and set(at) <= set(spectra[0].index.ravel().tolist())
    if inside:  # an entry of a covariance: a bound beside that of its eigenvalues
        ends = np.tile([-np.inf, np.inf], (len(model.names), 1))
        ends[at] = low, high
        return (*region, Box(ends[:, 0], ends[:, 1]))
    return tuple(_with_ends(each, at, low, high) if isinstance(each, Box) else each for each in region)


def _with_ends(box: Box, at: list[int], low: float, high: float) -> Box:
    lower, upper = box.lower.copy(), box.upper.copy()
    lower[at], upper[at] = low, high
    return Box(lower, upper)
