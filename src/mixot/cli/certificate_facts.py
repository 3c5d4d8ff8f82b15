"""A certificate as it is made and shown; the only file of commands that loads `mixot.inference.certify`."""

from __future__ import annotations

import warnings
from typing import Any

from mixot.cli.console import note, working
from mixot.errors import AccuracyWarning
from mixot.inference import certify
from mixot.inference.certificate import Certificate, at_least, at_most
from mixot.measures import Samples
from mixot.mixture import Mixture


def prove(points: Samples, mixture: Mixture, *, quiet: bool, **options: Any) -> Certificate:
    """The certificate of a mixture, with a bar while it is made; what the data do to it is told."""
    with working("proving", quiet=quiet) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # the notes say the same, on one line
        proof = certify(points, mixture, progress=progress, **options)
    for text in proof.notes:
        note(text)
    return proof


def describe_certificate(proof: Certificate) -> dict[str, Any]:
    """What is proven, for machines."""
    return {
        "upper_bound": proof.upper_bound,
        "log_likelihood": proof.log_likelihood,
        "gain": proof.gain,
        "gap": proof.gap,
        "k": proof.k,
        "k_max": proof.k_max,
        "criterion": proof.criterion,
        "price": proof.price,
        "observations": proof.observations,
        "family": proof.family,
        "factor": proof.factor,
        "critical_floor": proof.critical_floor,
        "floors": None if proof.floors is None else proof.floors.tolist(),
        "rungs": [
            {"factor": rung.factor, "upper_bound": rung.upper_bound, "gain": rung.gain, "k_max": rung.k_max}
            for rung in proof.rungs
        ],
        "rivals": [
            {"k": rival.k, "criterion": rival.criterion, "needed": rival.needed, "excluded": rival.excluded}
            for rival in proof.rivals()
        ],
        "sentence": str(proof),
        "notes": list(proof.notes),
    }


def tell_certificate(proof: Certificate) -> dict[str, object]:
    """The same, for people."""
    above, price = "" if proof.floors is None else " above the floor", f"{proof.price:.3g} nats"
    bound, gap = at_most(proof.upper_bound, 6), at_most(proof.gap, 2)
    critical = "" if proof.critical_floor is None else f"{at_most(proof.critical_floor)} of the fitted"
    return {
        "log-likelihood": f"{proof.log_likelihood:.6g} nats, all rows",
        "upper bound": f"{bound} nats, proven; at most {gap} above the supremum",
        "gain": f"at most {at_most(proof.gain, 4)} nats, by any number of components{above}",
        "largest K": f"{proof.k_max} by {proof.criterion.upper()}; one more ({proof.each} parameters) costs {price}",
        **({"critical floor": critical} if critical else {}),
    }


def rivals_table(proof: Certificate) -> tuple[str, list[str], list[tuple[str, ...]]]:
    """Numbers of components for people: a title, the heading, and a row each."""
    name = proof.criterion.upper()
    rows = [
        (
            str(rival.k),
            f"{rival.criterion:.4f}" if rival.k == proof.k else f">= {at_least(rival.criterion, 5)}",
            "" if rival.k == proof.k else f"{rival.needed:.3g}",
            "the fit" if rival.k == proof.k else "yes" if rival.excluded else "no",
        )
        for rival in proof.rivals()
    ]
    return "", ["K", f"{name} per row", "nats needed", "excluded"], rows
