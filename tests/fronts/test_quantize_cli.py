"""``mixot quantize``: a picture becomes a drawing in dots, as SVG, PNG or a table."""

import json

import numpy as np
import pytest

pytest.importorskip("PIL")

from typer.testing import CliRunner

from mixot.cli import app
from mixot.io import Picture, read_picture, read_table, write_picture


@pytest.fixture
def photo(tmp_path):
    shade = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    write_picture(tmp_path / "photo.png", Picture(shade))
    return tmp_path / "photo.png"


def run(*arguments):
    return CliRunner().invoke(app, ["quantize", *map(str, arguments)])


def test_each_kind_of_drawing(photo, tmp_path):
    for name in ("dots.svg", "dots.png", "dots.csv"):
        result = run(photo, "-n", 50, "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "dots.svg").read_text().count("<circle") == 50
    assert read_picture(tmp_path / "dots.png").pixels.shape == (80, 120)
    table = read_table(tmp_path / "dots.csv")
    assert table.columns == ("x", "y")
    assert table.values.shape == (50, 2)
    assert table.values[:, 0].mean() < 28  # dark on the left


def test_json_tells_the_distance(photo, tmp_path):
    result = run(photo, "-n", 20, "-o", tmp_path / "dots.svg", "--json", "--gamma", 2)
    facts = json.loads(result.stdout)
    assert facts["command"] == "quantize"
    assert facts["points"] == 20
    assert 0 < facts["distance"] < 10
    assert facts["status"] == "converged"
