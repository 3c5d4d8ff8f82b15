"""Results in one line: what they are of, and the numbers that one looks at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixot.display.rounding import at_least, at_most, listed, short

if TYPE_CHECKING:
    from mixot.inference.certificate import Certificate
    from mixot.mixture import Mixture
    from mixot.results import Fit, Interval, Plan
    from mixot.transport.barycenter import Barycenter

_NAMES = 6  # columns that are told


def of_mixture(mixture: Mixture) -> str:
    """Family, size and weights of a mixture."""
    names = "" if mixture.columns is None else f", columns={_names(mixture.columns)}"
    return f"Mixture({_size(mixture)}, weights={listed(mixture.weights)}{names})"


def of_fit(fit: Fit) -> str:
    """How a fit ended, and how likely it is."""
    notes = f", notes={len(fit.notes)}" if fit.notes else ""
    scores = f"log_likelihood={short(fit.log_likelihood, 6)}, bic={short(fit.bic, 6)}"
    ended = f"status='{fit.status}', iterations={fit.iterations}"
    return f"{type(fit).__name__}({_size(fit.mixture)}, {ended}, {scores}, candidates={len(fit.candidates)}{notes})"


def of_plan(plan: Plan) -> str:
    """Size and distance of a plan, and its gap, rounded up."""
    k, l = plan.coupling.shape  # noqa: E741
    return (
        f"{type(plan).__name__}({k} x {l}, {plan.distance_name}={short(plan.distance, 6)}, cost={short(plan.cost, 6)}, "
        f"gap={at_most(plan.gap, 2)}, status='{plan.status}')"
    )


def of_interval(interval: Interval) -> str:
    """Both ends, rounded outwards, and what proves them."""
    ends = f"lower={at_least(interval.lower, 6)}, upper={at_most(interval.upper, 6)}"
    return f"Interval({ends}, lower_by={interval.lower_by!r}, upper_by={interval.upper_by!r})"


def of_barycenter(mean: Barycenter) -> str:
    """What was averaged, what it costs, and its gap, rounded up."""
    return (
        f"Barycenter({len(mean.inputs)} inputs, {_size(mean.mixture)}, objective={short(mean.objective, 6)}, "
        f"gap={at_most(mean.gap, 2)}, status='{mean.status}')"
    )


def of_certificate(proof: Certificate) -> str:
    """What is proven, rounded to the safe side."""
    return (
        f"Certificate(k={proof.k}, k_max={proof.k_max}, gain={at_most(proof.gain, 4)}, criterion={proof.criterion!r}, "
        f"family={proof.family!r}, dim={proof.dim}, observations={short(proof.observations, 6)})"
    )


def _size(mixture: Mixture) -> str:
    return f"k={len(mixture)}, dim={mixture.dim}, family={mixture.components.name!r}"


def _names(columns: tuple[str, ...]) -> str:
    shown = [repr(name if len(name) < 25 else f"{name[:22]}...") for name in columns[:_NAMES]]
    return f"[{', '.join(shown + ['...'] * (len(columns) > _NAMES))}]"
