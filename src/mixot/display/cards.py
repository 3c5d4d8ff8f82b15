"""Results as a notebook shows them: a heading, a picture, a few numbers; no style sheet, no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mixot.display import pictures
from mixot.display.rounding import at_least, at_most, short
from mixot.display.svg import COLORS, cut
from mixot.errors import MixotError

if TYPE_CHECKING:
    from mixot.inference.certificate import Certificate
    from mixot.mixture import Mixture
    from mixot.results import Fit, Interval, Plan
    from mixot.transport.barycenter import Barycenter

_ROWS, _COLUMNS, _NOTES, _SENTENCE = 6, 3, 3, 300
_CELL = 'style="text-align:right;padding:1px 8px;border:0"'
_VALUE = 'style="text-align:left;padding:1px 0;border:0"'
_NAME = 'scope="row" style="text-align:left;font-weight:normal;padding:1px 8px 1px 0;border:0;opacity:.75"'
_CAPTION = 'style="caption-side:bottom;text-align:left;white-space:nowrap;opacity:.75"'
_TABLE = 'style="font-size:inherit;border:0;border-collapse:collapse;margin:0 0 6px 0"'


def mixture_card(mixture: Mixture) -> str:
    """The picture of a mixture, and its heaviest components."""
    heading = _heading("Mixture", mixture)
    return _card(heading, pictures.mixture_picture(mixture, heading), _components(mixture))


def fit_card(fit: Fit) -> str:
    """The mixture, how likely it is, and what else was tried."""
    facts = {
        "status": f"{fit.status} after {fit.iterations} iterations",
        "log-likelihood": f"{short(fit.log_likelihood, 6)} nats per row",
        "BIC": f"{short(fit.bic, 6)} ({fit.n_parameters} parameters)",
        "AIC": short(fit.aic, 6),
    }
    if len(fit.candidates) > 1:
        each = [f"{c.k}: {short(c.bic if np.isfinite(c.bic) else c.criterion, 5)}" for c in fit.candidates[:10]]
        facts["tried"] = ", ".join(each) + (", ..." if len(fit.candidates) > 10 else "")
    heading = _heading(type(fit).__name__, fit.mixture)
    picture = pictures.mixture_picture(fit.mixture, heading)
    return _card(heading, picture, _facts(facts) + _components(fit.mixture), fit.notes)


def plan_card(plan: Plan) -> str:
    """The coupling, its distance, and how far from the best it can be."""
    k, l = plan.coupling.shape  # noqa: E741
    facts = {
        plan.distance_name: short(plan.distance, 6),
        "cost (squared)": short(plan.cost, 6),
        "gap": f"at most {at_most(plan.gap, 2)}",
        "status": f"{plan.status} after {plan.iterations} iterations",
        "entries": f"{int((plan.coupling > 0).sum())} of {k * l} positive",
    }
    heading = f"{type(plan).__name__}: {k} to {l}"
    return _card(heading, pictures.coupling_picture(plan, f"{heading}; masses of the coupling"), _facts(facts))


def interval_card(interval: Interval) -> str:
    """Both ends, rounded outwards, and what proves each."""
    facts = {
        "at least": f"{at_least(interval.lower, 6)}, by {interval.lower_by}",
        "at most": f"{at_most(interval.upper, 6)}, by {interval.upper_by}",
        "width": at_most(interval.width),
    }
    title = f"Interval from {at_least(interval.lower, 5)} to {at_most(interval.upper, 5)}"
    return _card("Interval, both ends proven", pictures.interval_picture(interval, title), _facts(facts))


def barycenter_card(mean: Barycenter) -> str:
    """The average in color before the inputs, and what it costs."""
    weights = ", ".join([short(weight, 3) for weight in mean.weights[:_ROWS]] + ["..."] * (len(mean.weights) > _ROWS))
    facts = {
        "inputs": f"{len(mean.inputs)}, of weight {weights}",
        "objective": short(mean.objective, 6),
        "gap": f"at most {at_most(mean.gap, 2)}",
        "status": str(mean.status),
    }
    heading, behind = _heading("Barycenter", mean.mixture), mean.inputs[:_ROWS]
    picture = pictures.mixture_picture(mean.mixture, f"{heading}, before {len(behind)} of its inputs", behind)
    return _card(heading, picture, _facts(facts) + _components(mean.mixture))


def certificate_card(proof: Certificate) -> str:
    """What any number of components could still gain, beside what each would have to."""
    facts = {
        "gain": f"at most {at_most(proof.gain, 5)} nats (the line)",
        "one more costs": f"{short(proof.price, 5)} nats by {proof.criterion.upper()} (the bars)",
        "largest number": f"{proof.k_max} (the fit has {proof.k})",
    }
    title = f"Nats that numbers of components would have to gain; at most {at_most(proof.gain, 4)} can be gained"
    said = f'<p style="margin:4px 0;max-width:60em">{escape(str(proof))}</p>'
    return _card("Certificate", pictures.certificate_picture(proof, title), _facts(facts), proof.notes, said)


def palette_card(colors: Sequence[tuple[str, str, float]], space: str) -> str:
    """The colors of a palette as a bar by their shares, and the largest of them by code (hex), share, and number."""
    rows = "".join(
        f'<tr><td {_CELL}><span style="color:{code}" aria-hidden="true">■</span> {code}</td>'
        f"<td {_CELL}>{share}</td></tr>"
        for code, share, _ in colors[:_ROWS]
    )
    left = f"; left out: {len(colors) - _ROWS} smaller ones" if len(colors) > _ROWS else ""
    table = f"<table {_TABLE}><caption {_CAPTION}>shares{left}</caption><tbody>{rows}</tbody></table>"
    heading = f"Palette: {len(colors)} color{'s' * (len(colors) != 1)}, fitted in {space}"
    return _card(heading, pictures.palette_picture([(code, share) for code, _, share in colors], heading), table)


def _heading(kind: str, mixture: Mixture) -> str:
    k = len(mixture)
    return f"{kind}: {k} {mixture.components.name} component{'s' * (k != 1)}, dimension {mixture.dim}"


def _card(heading: str, picture: str, table: str, notes: Sequence[str] = (), after: str = "") -> str:
    said = [escape(note if len(note) <= _SENTENCE else f"{note[: _SENTENCE - 1]}…") for note in notes[:_NOTES]]
    said += [f"and {len(notes) - _NOTES} more"] if len(notes) > _NOTES else []
    items = "".join(f"<li>{each}</li>" for each in said)
    listed = f'<ul style="margin:4px 0;padding-left:1.4em;max-width:60em">{items}</ul>' if said else ""
    return (
        '<div class="mixot" style="font:13px system-ui,sans-serif;line-height:1.4">'
        f"<strong>{escape(heading)}</strong>"
        '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;margin-top:4px">'
        f"<div>{picture}</div><div>{table}</div></div>{after}{listed}</div>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = (f"<tr><th {_NAME}>{escape(k)}</th><td {_VALUE}>{escape(v)}</td></tr>" for k, v in facts.items())
    return f"<table {_TABLE}>{''.join(rows)}</table>"


def _components(mixture: Mixture) -> str:
    """Weights, and means with standard deviations, of the heaviest components and the first columns."""
    axes = range(min(mixture.dim, _COLUMNS))
    head = ["", "weight", *(cut(pictures.name_of(mixture, axis)) for axis in axes)]
    try:
        means, sds = mixture.components.mean(), np.sqrt(np.einsum("kii->ki", mixture.components.cov()))
    except MixotError:  # moments that exceed floating point
        means = sds = np.full((len(mixture), mixture.dim), np.nan)
    drawn = {int(j): COLORS[at % len(COLORS)] for at, j in enumerate(pictures.heaviest(mixture))}
    rows = []
    for j in np.sort(np.argsort(-mixture.weights, kind="stable")[:_ROWS]).tolist():
        mark = f'<span style="color:{drawn[j]}" aria-hidden="true">●</span> ' if j in drawn else ""
        cells = [f"{short(means[j, a])} ± {short(float(sds[j, a]), 2)}" for a in axes]
        rows.append(
            "".join(f"<td {_CELL}>{cell}</td>" for cell in (f"{mark}{j}", short(float(mixture.weights[j]), 3), *cells))
        )
    left = [f"{len(mixture) - _ROWS} lighter components"] if len(mixture) > _ROWS else []
    left += [f"{mixture.dim - _COLUMNS} columns"] if mixture.dim > _COLUMNS else []
    caption = f"mean ± standard deviation{'; left out: ' + ' and '.join(left) if left else ''}"
    return (
        f"<table {_TABLE}><caption {_CAPTION}>{caption}</caption>"
        f"<thead><tr>{''.join(f'<th {_CELL}>{escape(name)}</th>' for name in head)}</tr></thead>"
        f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
    )
