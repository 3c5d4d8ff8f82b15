"""``mixot plan`` between cell types: two .h5ad files, or two groups of one, read and joined."""

from __future__ import annotations

from pathlib import Path

from mixot.anndata import between
from mixot.anndata.moving import split
from mixot.anndata.results import Transport
from mixot.cli.arguments import Groups, Options
from mixot.cli.console import working
from mixot.errors import InputError
from mixot.io import Observations, kind_of, read_observations


def join(a: Path, b: Path | None, groups: Groups, options: Options) -> Transport:
    """The plan between the types of both populations."""
    p, q = _populations(a, b, groups, options)
    with working(f"joining {p.place} and {q.place}", quiet=options.quiet):
        return between(
            p,
            q,
            labels=options.label,
            rep=p.rep,
            k=options.k,
            structure=options.structure,
            growth=groups.growth,
            solver=groups.solver,
            rng=options.seed,
        )


def _populations(a: Path, b: Path | None, groups: Groups, options: Options) -> tuple[Observations, Observations]:
    for path in (a, b):
        if path is not None and kind_of(path) != "cells":
            raise InputError(f"{path}: --label and --groupby are for annotated data (.h5ad); leave them out")
    if options.columns is not None or options.k_max is not None:
        raise InputError("--columns and --k-max are not for cells with labels; leave them out")
    rep, labels = options.rep or "X_pca", () if options.label is None else (options.label,)
    if b is not None:
        if groups.groupby is not None:
            raise InputError("--groupby splits one file; leave it out, or the second file")
        return read_observations(a, rep=rep, labels=labels), read_observations(b, rep=rep, labels=labels)
    if groups.groupby is None:
        raise InputError(f"{a}: where does it go? Name a second file, or --groupby, the column that splits this one")
    held = read_observations(a, rep=rep, labels=(groups.groupby, *labels))
    return split(held, groups.groupby, groups.source, groups.target)[:2]
