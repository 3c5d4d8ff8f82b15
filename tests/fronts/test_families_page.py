"""The table of docs/families.md says what the families do."""

import re
from pathlib import Path

import numpy as np
import pytest

import mixot
from mixot import InputError, Product, StudentT, UnsupportedError
from mixot.families.registry import lookup, registered
from mixot.families.roles import Divergent, Likely, Polynomial, plays, require

PAGE = Path(__file__).parents[2] / "docs" / "families.md"
ONE = np.zeros(1, dtype=int)


def table():
    """The rows of the page's first table, by the name of the family."""
    lines = re.findall(r"^\| `(.*)\|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    rows = [[cell.strip().strip("`") for cell in line.split("|")] for line in lines]
    return {row[1]: row for row in rows if row[0] in mixot.__all__}


def two(family):
    """Two different components, and the same with all that a fit can hold made equal."""
    laws = family.example(np.random.default_rng(0), 2)
    if family is StudentT:  # the example has one df, and lives where unlike ones have no formula
        laws = family(laws.locs[:, :1], laws.scales[:, :1, :1], [8.0, 9.0])
    held = {
        name: np.repeat(value[:1], 2, axis=0) for name, value in laws.parameters().items() if name in family.holdable
    }
    return laws, laws.from_parameters({**laws.parameters(), **held})


def works(call):
    try:
        call()
    except UnsupportedError:
        return False
    return True


def test_every_public_family_is_in_the_table():
    assert set(table()) == {name for name, family in registered().items() if family.__name__ in mixot.__all__}


@pytest.mark.parametrize("name", table())
def test_rows_tell_the_truth(name):
    public, _, parameters, where, cost, moves, path, em, moments, kl = table()[name]
    family = lookup(name)
    assert getattr(mixot, public) is family
    assert plays(family, Likely) == (em == "yes")
    assert plays(family, Polynomial) == (moments != "no")
    if family is Product:
        return
    laws, alike = two(family)
    assert ", ".join(laws.parameters()) == parameters
    assert where == "R^d" or laws.dim == 1
    assert laws.discrete == (where[0] == "0") == (moves == "a random coupling")
    assert laws.coupling(laws, ONE, ONE + 1).is_map.all() == (moves == "a map")
    assert works(lambda: laws.cost(laws))
    stays = works(lambda: laws.between(laws, ONE, ONE + 1, 0.5)), works(lambda: alike.between(alike, ONE, ONE + 1, 0.5))
    assert stays == {"always": (True, True), "never": (False, False)}.get(path, (False, True))
    assert path in ("always", "never") or path.removeprefix("equal ") in family.holdable
    assert works(lambda: require(laws, Divergent).divergence(laws)) == (kl == "yes")
    if moments.startswith("fixed"):
        with pytest.raises(InputError, match=f'fixed=\\{{"{moments.split()[1]}"'):
            family.moment_model(1)
    elif moments == "yes":
        family.moment_model(1)
    assert cost.split(",")[0] in ("closed form", "exact sum")
