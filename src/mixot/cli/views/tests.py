"""What is asked of a test, and what is shown of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.inference.e_values import EValue
from mixot.inference.intervals import DistanceInterval, distance_interval
from mixot.inference.levels import listed_p
from mixot.inference.one_component import OneComponentTest, test_one_component
from mixot.inference.split_test import split_test
from mixot.inference.two_sample import TwoSampleTest, two_sample_test
from mixot.io import load
from mixot.measures import Samples
from mixot.results import ProgressCallback

Answer = OneComponentTest | EValue | TwoSampleTest | DistanceInterval

# What each way to test can be told; what else was given is refused.
_TOLD = {
    "one component": ("k", "draws"),
    "null": ("null", "floor", "alternative", "splits", "k"),
    "two samples": ("statistic", "scale", "k", "draws"),
    "interval": ("interval", "statistic", "level", "scale", "k", "draws"),
}
_WORDS = {
    "one component": "a test of one component",
    "null": "a test of a null",
    "two samples": "a test of two samples",
    "interval": "an interval",
}


@dataclass(frozen=True)
class Question:
    """The options of the command, as they were typed; None where they were not."""

    null: str | None
    floor: str | None
    alternative: str | None
    splits: int | None
    statistic: str | None
    interval: bool
    level: float | None
    scale: str | None
    k: int | None
    draws: int | None

    def way(self, two: bool) -> str:
        """Which test is meant; `InputError` on options that it does not have."""
        if self.interval and not two:
            raise InputError("--interval is of the distance between two samples; name a second input")
        if two:
            way = "interval" if self.interval else "two samples"
        else:
            way = "one component" if self.null is None and self.floor is None else "null"
        for each in fields(self):
            if getattr(self, each.name) not in (None, False) and each.name not in _TOLD[way]:
                option = "-k" if each.name == "k" else f"--{each.name}"
                inputs = "two inputs" if two else "one input"
                raise InputError(f"{_WORDS[way]} ({inputs}) has no {option}; leave it out")
        return way

    def answer(self, way: str, samples: Sequence[Samples], seed: int, progress: ProgressCallback | None) -> Answer:
        """What the library says."""
        rest: dict[str, Any] = {"rng": seed, "progress": progress}
        drawn = {} if self.draws is None else {"draws": self.draws}
        if way == "one component":
            return test_one_component(samples[0], **({} if self.k is None else {"k": self.k}), **drawn, **rest)
        if way == "null":
            null = "gaussian mixture" if self.null is None else self.null
            told = load(Path(null)) if Path(null).suffix in (".json", ".npz") else null
            return split_test(
                samples[0],
                told,
                floor=self.floor,
                alternative=self.alternative,
                k=self.k,
                splits=self.splits or 1,
                **rest,
            )
        x, y = samples
        rest |= {} if self.scale is None else {"scale": str(self.scale)}
        if way == "interval":
            level = {} if self.level is None else {"level": self.level}
            return distance_interval(x, y, str(self.statistic or "w2"), k=self.k, **level, **drawn, **rest)
        count = {} if self.draws is None else {"permutations": self.draws}
        return two_sample_test(x, y, str(self.statistic or "mw2"), k=self.k, **count, **rest)


def document(way: str, found: Answer) -> dict[str, Any]:
    """What machines are told."""
    facts: dict[str, Any] = {"test": way, "p_value": found.p_value}
    match found:
        case OneComponentTest():
            own = {"gain": found.gain, "k": found.k, "exceeded": found.exceeded, "draws": found.draws, "n": found.n}
        case EValue():
            own = {"null": found.null, "log_e": found.log_e, "parts": found.parts.tolist(), "n": found.n}
        case TwoSampleTest():
            spread = {"null_median": float(np.median(found.null)), "null_95": float(np.quantile(found.null, 0.95))}
            own = {"statistic": found.statistic, "distance": found.distance, **spread, "units": found.units}
            own |= {"permutations": found.permutations, "every": found.every, "k": found.k, "n": found.n, "m": found.m}
        case DistanceInterval():
            ends = {"lower": found.lower, "upper": found.upper, "level": found.level}
            own = {"statistic": found.statistic, **ends, "estimate": found.estimate, "sampled": found.sampled}
            own |= {"units": found.units, "draws": found.draws, "n": found.n, "m": found.m}
    return {**facts, **own}


def lines(found: Answer) -> dict[str, object]:
    """What people are told."""
    match found:
        case OneComponentTest():
            own: dict[str, object] = {
                "null": "one Gaussian law",
                "gain": f"{found.gain:.6g} nats by {found.k} components",
            }
            own["gained as much"] = f"{found.exceeded} of {found.draws} samples of one Gaussian"
        case EValue():
            own = {"null": found.null, "log e": found.log_e}
        case TwoSampleTest():
            own = {"null": "one law of both", found.statistic: f"{found.distance:.10g} ({found.units})"}
            low, high = np.median(found.null), np.quantile(found.null, 0.95)
            own["under the null"] = f"median {low:.6g}, 95 % below {high:.6g}, of {found.permutations} splits"
        case DistanceInterval():
            own = {found.statistic: f"{found.lower:.6g} to {found.upper:.6g} at level {found.level:g} ({found.units})"}
            own["between samples"] = f"{found.sampled:.6g}, and {found.estimate:.6g} without their excess"
            return {**own, "p-value of equal laws": found.p_value}
    verdict = "rejected" if found.reject(0.05) else "not rejected"
    return {**own, "p-value": f"{listed_p(found.p_value)}, {verdict} at 0.05"}
