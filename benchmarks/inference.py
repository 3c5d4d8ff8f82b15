"""Tests and intervals: level on members of each null, power on ladders, coverage, and seconds beside others.

    python benchmarks/inference.py [level] [power] [coverage] [speed] [drift]

Everything where no section is named. Level: the share of 2 000 members of each null that are rejected, at 1, 5 and
10 %; a p-value, and an e-value, may reject at most so many. Seconds are CPU time of one thread, medians.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _table import print_table, time_it, versions
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance, permutation_test

import mixot
from mixot import Gaussian, Mixture, distance_interval, fit, split_test, two_sample_test

MEMBERS = 2000
LEVELS = (0.01, 0.05, 0.1)
Draw = Callable[[np.random.Generator], Any]

TWO = Mixture([0.4, 0.6], Gaussian([-2.0, 2.0], [1.0, 1.5]))
PLANE = Mixture([0.3, 0.3, 0.4], Gaussian([[0.0, 0.0], [4.0, 0.0], [1.0, 4.0]], [np.eye(2)] * 3))


def one(**options: Any) -> Callable[[Any, np.random.Generator], float]:
    return lambda x, rng: mixot.test_one_component(x, rng=rng, **options).p_value


def split(null: Any, **options: Any) -> Callable[[Any, np.random.Generator], float]:
    return lambda x, rng: split_test(x, null, rng=rng, **options).p_value


def two(statistic: str, **options: Any) -> Callable[[Any, np.random.Generator], float]:
    return lambda pair, rng: two_sample_test(*pair, statistic, permutations=99, rng=rng, **options).p_value


def pair_of(draw: Callable[[np.random.Generator, int], Any], n: int, m: int) -> Draw:
    return lambda rng: (draw(rng, n), draw(rng, m))


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_t(2, (n, 2))


NULLS: list[tuple[str, Draw, Callable[[Any, np.random.Generator], float]]] = [
    ("two samples, MW2, 30 and 20, d = 2", pair_of(heavy, 30, 20), two("mw2", k=2)),
    ("two samples, W2, 30 and 20, d = 2", pair_of(heavy, 30, 20), two("w2")),
    ("two samples, W2, 30 and 20, d = 1, ties", pair_of(lambda rng, n: rng.poisson(2.0, n), 30, 20), two("w2")),
    ("two samples, energy, 30 and 20, d = 2", pair_of(heavy, 30, 20), two("energy")),
    ("one Gaussian, n = 50, d = 1", lambda rng: rng.normal(3.0, 2.0, 50), one(draws=99, enough=10)),
    (
        "one Gaussian, n = 100, d = 3",
        lambda rng: rng.standard_normal((100, 3)) @ [[1.0, 0.9, 0.0], [0.0, 0.1, 0.0], [0.0, 3.0, 1e3]],
        one(draws=99, enough=10),
    ),
    ("e: one Gaussian, n = 50", lambda rng: rng.normal(3.0, 2.0, 50), split("one component")),
    (
        "e: one exponential law, n = 50",
        lambda rng: rng.exponential(2.0, 50),
        split("exponential", alternative="gamma", k=1),
    ),
    ("e: one Poisson law, n = 50", lambda rng: rng.poisson(3.0, 50), split("poisson", alternative="counts")),
    ("e: a mixture that is told, n = 50", lambda rng: TWO.sample(50, rng=rng), split(TWO, k=2)),
    (
        "e: any mixture, sd >= 1, at sd = 1, n = 60",
        lambda rng: TWO.sample(60, rng=rng),
        split("gaussian mixture, sd >= 1", k=2),
    ),
    (
        "e: the same in the plane, n = 60",
        lambda rng: PLANE.sample(60, rng=rng),
        split("gaussian mixture, sd >= 1", k=3),
    ),
    (
        "e: any mixture of Poisson laws, n = 50",
        lambda rng: rng.poisson(np.where(rng.random(50) < 0.5, 2.0, 9.0)),
        split("poisson mixture"),
    ),
    (
        "e: any mixture of exponential laws, n = 50",
        lambda rng: rng.exponential(np.where(rng.random(50) < 0.5, 1.0, 9.0)),
        split("exponential mixture", k=1),
    ),
]


def level() -> None:
    """Members of each null: nothing may be rejected more often than said. A line as soon as it is known."""
    print("| null |" + "".join(f" at {100 * a:g} % |" for a in LEVELS) + " s each |\n|---|" + "---|" * 4, flush=True)
    for name, draw, test in NULLS:
        rng = np.random.default_rng(0)
        start = time.process_time()
        p = np.array([test(draw(rng), rng) for _ in range(MEMBERS)])
        each = (time.process_time() - start) / MEMBERS
        shown = "".join(f" {100 * np.mean(p <= a * (1 + 1e-9)):.2f} % |" for a in LEVELS)
        print(f"| {name} |{shown} {each:.3g} |", flush=True)


def shares(tests: dict[str, Callable[[Any, np.random.Generator], float]], draws: dict[str, Draw], count: int) -> None:
    """How often each test rejects at 5 %, for each law."""
    rows: list[list[Any]] = [["law", *tests]]
    for name, draw in draws.items():
        rng = np.random.default_rng(1)
        samples = [draw(rng) for _ in range(count)]
        rows.append([name, *(np.mean([test(x, rng) <= 0.05 for x in samples]) for test in tests.values())])
    print_table(rows)


def apart(size: float, n: int = 200, d: int = 1) -> Draw:
    return lambda rng: rng.standard_normal((n, d)) + size * np.eye(1, d) * (rng.random((n, 1)) < 0.5)


def power() -> None:
    """Ladders: one Gaussian against two; mixtures above a floor; two samples, shifted and spread."""
    print("\nOne Gaussian against two of equal share, sd = 1, n = 200\n")
    shares(
        {
            "likelihood ratio": one(draws=99, enough=6),
            "e-value": split("one component"),
            "e, 5 splits": split("one component", splits=5),
        },
        {f"{size:g} sd apart": apart(size) for size in (1.5, 2.0, 2.5, 3.0, 3.5)},
        200,
    )
    print("\nAny mixture with sd >= 1; truth: two components 6 apart, n = 400\n")
    shares(
        {"e-value": split("gaussian mixture, sd >= 1")},
        {
            f"sd = {sd:g}": lambda rng, sd=sd: rng.normal(6.0 * (rng.random(400) < 0.5), sd)
            for sd in (0.4, 0.6, 0.8, 0.9, 1.0)
        },
        50,
    )
    tests = {"mw2": two("mw2"), "w2": two("w2"), "energy": two("energy")}
    laws: dict[str, Draw] = {
        f"{size:g} sd shift": lambda rng, size=size: (
            rng.standard_normal((100, 2)),
            rng.standard_normal((100, 2)) + size * np.eye(1, 2),
        )
        for size in (0.2, 0.4, 0.6)
    }
    laws |= {
        f"spread times {s:g}": lambda rng, s=s: (rng.standard_normal((100, 2)), s * rng.standard_normal((100, 2)))
        for s in (1.2, 1.4)
    }
    laws |= {
        f"shares of three, {w:g} moved": lambda rng, w=w: (PLANE.sample(100, rng=rng), _moved(w).sample(100, rng=rng))
        for w in (0.1, 0.2)
    }
    print("\nTwo samples of 100 in the plane\n")
    shares(tests, laws, 100)


def _moved(weight: float) -> Mixture:
    return Mixture(PLANE.weights + np.array([-weight, weight, 0.0]), PLANE.components)


def coverage() -> None:
    """How often intervals at 95 % hold the distance between the populations."""
    rows: list[list[Any]] = [["statistic", "d", "n = m", "shift", "held", "mean lower", "mean upper", "s each"]]
    cases = [("w2", 1, 200, s) for s in (0.0, 0.3, 1.0)] + [("w2", d, 100, s) for d in (2, 3, 5) for s in (0.0, 1.0)]
    cases += [("mw2", d, 200, s) for d in (1, 5) for s in (0.0, 1.0)]
    for statistic, d, n, shift in cases:
        rng, found = np.random.default_rng(2), []
        count = 400 if d == 1 else 100
        start = time.process_time()
        for _ in range(count):
            x, y = rng.standard_normal((n, d)), rng.standard_normal((n, d)) + shift * np.eye(1, d)
            found.append(distance_interval(x, y, statistic, k=1 if statistic == "mw2" else None, rng=rng))
        each = (time.process_time() - start) / count
        held = np.mean([inside.lower <= shift <= inside.upper for inside in found])
        ends = np.mean([(inside.lower, inside.upper) for inside in found], axis=0)
        rows.append([statistic, d, n, shift, f"{100 * held:.1f} %", *ends.tolist(), each])
        print(rows[-1], flush=True)
    print_table(rows)


def speed() -> None:
    """199 permutations of two samples of 500, beside loops and other libraries."""
    print(versions("mixot", "numpy", "scipy", "POT", "dcor"))
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((500, 2)), rng.standard_normal((500, 2)) + 0.2
    rows: list[list[Any]] = [["500 and 500 rows, 199 permutations", "mixot", "other", "who"]]
    for name, statistic, other, who in peers(x, y):
        pair = (x, y) if "plane" in name else (x[:, 0], y[:, 0])
        own = time_it(lambda p=pair, s=statistic: two_sample_test(*p, s, permutations=199, rng=0), 3)
        rows.append([name, own, other, who])
    print_table(rows)


def loop(statistic: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray, count: int) -> float:
    """Seconds of a loop over ``count`` permutations that computes everything anew, scaled to 199."""
    rng, rows = np.random.default_rng(0), np.concatenate([x, y])
    start = time.process_time()
    for _ in range(count):
        order = rng.permutation(len(rows))
        statistic(rows[order[: len(x)]], rows[order[len(x) :]])
    return (time.process_time() - start) * 199 / count


def peers(x: np.ndarray, y: np.ndarray) -> Sequence[tuple[str, str, float, str]]:
    """Name, statistic, seconds of the other, and who that is."""
    flat = x[:, 0], y[:, 0]
    found = [
        (
            "W2 on the line",
            "w2",
            loop(lambda a, b: mixot.distance(a, b), *(each[:, None] for each in flat), 20),
            "a loop over mixot.distance",
        )
    ]
    found.append(("W2 in the plane", "w2", loop(mixot.distance, x, y, 20), "a loop over mixot.distance"))
    try:
        import ot

        even = np.full(500, 1 / 500)
        found.append(
            (
                "W2 in the plane",
                "w2",
                loop(lambda a, b: ot.emd2(even, even, ot.dist(a, b)), x, y, 20),
                "a loop over POT's emd2",
            )
        )
    except ImportError:
        pass
    found.append(
        ("MW2 in the plane", "mw2", loop(lambda a, b: of_fits(a, b, None), x, y, 5), "refits to every split, K by BIC")
    )

    def resampled(**options: Any) -> float:
        start = time.process_time()
        permutation_test(flat, energy_distance, n_resamples=199, alternative="greater", rng=0, **options)
        return time.process_time() - start

    found.append(("energy on the line", "energy", resampled(), "scipy.stats.permutation_test of energy_distance"))
    found.append(("energy in the plane", "energy", loop(energy, x, y, 20), "a loop over scipy's cdist"))
    try:
        import dcor

        start = time.process_time()
        dcor.homogeneity.energy_test(x, y, num_resamples=199, random_state=0)
        found.append(("energy in the plane", "energy", time.process_time() - start, "dcor.homogeneity.energy_test"))
    except ImportError:
        pass
    return found


def energy(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()


def drift() -> None:
    """MW2 between fits to samples of one law, and of a law and a shifted one; fits apart, and one that is shared."""
    law, n = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), 300
    moved = law.affine(1.0, [0.3, 0.0])
    rows: list[list[Any]] = [["MW2", "equal laws: median", "95 %", "shift of .3: median", "above the 95 %"]]
    for name, apart_by in {
        **{f"of two fits, k = {k}": lambda a, b, k=k: of_fits(a, b, k) for k in (1, 2, 3, 6)},
        "of two fits, K by BIC": lambda a, b: of_fits(a, b, None),
        **{f"under a shared fit, k = {k}": lambda a, b, k=k: of_shared(a, b, k) for k in (1, 3, 6)},
        "under a shared fit, K by BIC": lambda a, b: of_shared(a, b, None),
    }.items():
        rng = np.random.default_rng(3)
        null, other = (
            np.array([apart_by(law.sample(n, rng=rng), second.sample(n, rng=rng)) for _ in range(100)])
            for second in (law, moved)
        )
        limit = np.quantile(null, 0.95)
        rows.append([name, np.median(null), limit, np.median(other), f"{100 * np.mean(other > limit):.0f} %"])
    print_table(rows)


def of_fits(a: np.ndarray, b: np.ndarray, k: int | None) -> float:
    return mixot.distance(fit(a, k=k, rng=0), fit(b, k=k, rng=0))


def of_shared(a: np.ndarray, b: np.ndarray, k: int | None) -> float:
    return two_sample_test(a, b, permutations=19, k=k, scale="data", rng=0).distance


if __name__ == "__main__":
    warnings.simplefilter("ignore", mixot.AccuracyWarning)
    sections = {"level": level, "power": power, "coverage": coverage, "speed": speed, "drift": drift}
    for section in sys.argv[1:] or sections:
        print(f"\n## {section}\n", flush=True)
        sections[section]()
