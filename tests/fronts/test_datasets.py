"""Shipped data: there without a network."""

import numpy as np
import pytest

from mixot import InputError, datasets


@pytest.mark.parametrize("name", datasets.PHOTOGRAPHS)
def test_photographs_ship(name):
    pixels = datasets.photograph(name)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@pytest.mark.parametrize(("name", "rows", "columns"), [("wine", 178, 13), ("iris", 150, 4)])
def test_tables_ship(name, rows, columns):
    whole = datasets.table(name)
    assert whole.values.shape == (rows, columns)
    assert len(whole.columns) == columns
    assert sum(len(datasets.table(name, group=g).values) for g in range(3)) == rows


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="photographs are astronaut"):
        datasets.photograph("dog")
    with pytest.raises(InputError, match="tables are iris, wine"):
        datasets.table("penguins")
    with pytest.raises(InputError, match=r"classes \[0, 1, 2\], got 3"):
        datasets.table("iris", group=3)
