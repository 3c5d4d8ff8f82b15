"""``mixot shapes``: averages of pictures as a picture."""

import json

import numpy as np
import pytest

pytest.importorskip("PIL")

from typer.testing import CliRunner

from mixot.cli import app
from mixot.io import Picture, read_picture, write_picture


@pytest.fixture
def pictures(tmp_path):
    files = []
    for i, (rows, columns) in enumerate(
        [((4, 28), (4, 12)), ((4, 12), (4, 28)), ((10, 22), (10, 22)), ((8, 24), (2, 9))]
    ):
        picture = np.full((32, 32), 255, np.uint8)
        picture[slice(*rows), slice(*columns)] = 0
        files.append(tmp_path / f"{i}.png")
        write_picture(files[-1], Picture(255 - picture if i == 2 else picture))
    return files


def run(*arguments):
    return CliRunner().invoke(app, ["shapes", *map(str, arguments)])


def test_a_square_between_four(pictures, tmp_path):
    result = run(*pictures, "--grid", 3, "-k", 3, "--silhouette", "-o", tmp_path / "out.png", "--size", 40)
    assert result.exit_code == 0, result.output
    assert read_picture(tmp_path / "out.png").pixels.shape == (3 * 40 + 4, 3 * 40 + 4)
    assert "2.png: its border is dark" in result.stderr
    assert "3 x 3" in result.stdout


def test_one_average_with_weights_and_its_proof(pictures, tmp_path):
    result = run(*pictures[:2], "--weights", ".25", ".75", "-k", 2, "-o", tmp_path / "out.png", "--json")
    found = json.loads(result.stdout)
    ((mean,),) = found["averages"]
    assert mean["weights"] == [0.25, 0.75]
    assert mean["gap"] < 1e-12 < mean["objective"]
    assert read_picture(tmp_path / "out.png").pixels.shape == (32, 32)
    assert [each["components"] for each in found["inputs"]] == [2, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grid", "3", "--weights", ".5", ".5"], "leave one"),
        (["--weights", ".5"], "one number for each"),
        (["white.png"], "white.png: the picture is of one tone"),
        (["{2}", "--grid", "4"], "two shapes, for a row, or four"),
    ],
)
def test_refusals_leave_no_file(pictures, tmp_path, arguments, words):
    write_picture(tmp_path / "white.png", Picture(np.full((9, 9), 255, np.uint8)))
    named = [str(tmp_path / "white.png") if a == "white.png" else a.replace("{2}", str(pictures[2])) for a in arguments]
    result = run(*pictures[:2], *named, "-o", tmp_path / "out.png")
    assert result.exit_code == 1
    assert words in result.stderr
    assert not (tmp_path / "out.png").exists()
