"""``--lam``, ``--eps`` and ``--rho``: smooth plans (optimal mixture transport), and how stable they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mixot.results import Plan
    from mixot.solvers.entropic.omt import OMT
    from mixot.solvers.entropic.omt_plan import OMTPlan

Lam = Annotated[
    str | None,
    typer.Option("--lam", metavar="NUMBER|auto", help="Smooth plan (OMT): entropy of the plan, in squared units."),
]
Eps = Annotated[float | None, typer.Option("--eps", min=0, help="Smooth plan: entropy inside pairs, squared units.")]
Rho = Annotated[
    str | None,
    typer.Option("--rho", metavar="NUMBER[,NUMBER]", help="Smooth plan: cost of making or losing mass, at A, at B."),
]


def smooth_solver(
    lam: str | None, eps: float | None, rho: str | None, *, exact: bool = False, growth: bool = False
) -> OMT | None:
    """Optimal mixture transport where any of its options is given; ``auto`` is the default lam."""
    if lam is None and eps is None and rho is None:
        return None
    from mixot.errors import InputError
    from mixot.solvers.entropic.omt import OMT

    if exact:
        raise InputError("--exact fits nothing, and smooth plans join fitted components; leave out one of the two")
    if growth:
        raise InputError("--growth chooses the solver; with --lam, --eps or --rho say it there: --rho NUMBER,inf")

    sides = None if rho is None else tuple(_number(part, "--rho") for part in rho.split(","))
    if sides is not None and len(sides) > 2:
        raise typer.BadParameter(f"one number or two, for A and for B, got {rho!r}", param_hint="--rho")
    strength = None if lam is None or lam == "auto" else _number(lam, "--lam")
    return OMT(lam=strength, eps=eps or 0.0, rho=sides[0] if sides and len(sides) == 1 else sides)


def smooth_facts(plan: Plan) -> dict[str, Any]:
    """What machines are told of a smooth plan; nothing of another."""
    from mixot.solvers.entropic.omt_plan import OMTPlan

    if not isinstance(plan, OMTPlan):
        return {}
    report = plan.stability()
    facts: dict[str, Any] = {"lam": plan.lam, "eps": plan.eps, "primal": plan.primal, "dual": plan.dual}
    facts["stability"] = {
        "second_singular_value": report.second_singular_value,
        "margin": report.margin,
        "interaction": report.interaction if plan.lam > 0 else None,
    }
    if not plan.balanced:
        facts["created"], facts["destroyed"] = (_sides(pair) for pair in (plan.created, plan.destroyed))
    return facts


def show_smooth(plan: Plan) -> None:
    """What people are told of a smooth plan: mass made and lost, and the report on its stability."""
    from mixot.solvers.entropic.omt_plan import OMTPlan

    if not isinstance(plan, OMTPlan):
        return
    if not plan.balanced:
        typer.echo(_changes(plan))
    typer.echo(str(plan.stability()))


def _changes(plan: OMTPlan) -> str:
    created, destroyed = plan.created, plan.destroyed
    lines = [f"mass moved: {plan.coupling.sum():.4g}"]
    for name, side in (("source", 0), ("target", 1)):
        parts = [
            f"{i}: {change:+.3g}" for i, change in enumerate((created[side] - destroyed[side]).tolist()) if change != 0
        ]
        if parts:
            lines.append(f"mass made (+) and lost (-) by {name}  " + "  ".join(parts))
    return "\n".join(lines)


def _sides(pair: tuple[Any, Any]) -> dict[str, list[float]]:
    return {"source": pair[0].tolist(), "target": pair[1].tolist()}


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, got {text!r}", param_hint=option) from None
