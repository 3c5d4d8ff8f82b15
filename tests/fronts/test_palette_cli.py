"""``mixot palette``: shown, kept, averaged, and taken again by ``mixot recolor``, as a person sees it."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("PIL")

from mixot import load
from mixot.imaging.palettes import load_palette
from mixot.io import Picture, read_picture, write_picture

CODE = "from mixot.cli import main; main()"
WARM, COLD = (220, 120, 40), (40, 80, 200)


@pytest.fixture
def folder(tmp_path, rng):
    for name, color in (("warm", WARM), ("cold", COLD)):
        noise = rng.integers(-12, 13, (20, 24, 3))
        write_picture(tmp_path / f"{name}.png", Picture((np.array(color) + noise).astype(np.uint8)))
    write_picture(tmp_path / "grey.png", Picture(rng.integers(90, 110, (20, 24), dtype=np.uint8)))
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    return tmp_path


def run(folder, line, code=0):
    words = [sys.executable, "-c", CODE, *line.split()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_palette_is_shown_kept_and_taken_again(folder):
    shown = run(folder, "palette warm.png -k 1 --space rgb -o warm.json")
    assert "#dc7828" in shown
    assert "100 %" in shown
    assert "warm.json" in shown
    assert load_palette(folder / "warm.json").space == "rgb"
    assert len(load(folder / "warm.json")) == 1
    run(folder, "recolor cold.png --palette warm.json -k 1 --space rgb -o out.png")
    assert np.abs(read_picture(folder / "out.png").pixels.mean(axis=(0, 1)) - WARM).max() < 4


def test_an_average_tells_machines_its_colors(folder):
    line = "palette warm.png cold.png --weights .25 .75 -k 1 --space rgb --json -o mean.gpl"
    facts = json.loads(run(folder, line))
    assert (facts["command"], facts["k"], facts["weights"], facts["grey"]) == ("palette", 1, [0.25, 0.75], False)
    between = 0.25 * np.array(WARM) + 0.75 * np.array(COLD)
    assert np.abs(np.array(facts["colors"][0]["rgb"]) - between).max() < 3
    assert facts["colors"][0]["share"] == 1.0
    assert (folder / "mean.gpl").read_text().startswith("GIMP Palette\nName: warm + cold\n")


def test_a_palette_goes_through_a_pipe(folder):
    assert json.loads(run(folder, "palette grey.png -k 1 -o -"))["grey"] is True


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("palette table.csv", "table.csv: not a picture"),
        ("palette nowhere.png", "nowhere.png: no such file"),
        ("palette warm.png -o warm.txt", "use one of .json .png .svg .gpl .ase"),
        ("palette warm.png cold.png --weights .5 .6", "weights must sum to one"),
        ("palette warm.png cold.png --weights .5", "one number for each of the 2 inputs"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(line, said, folder):
    before = sorted(folder.iterdir())
    assert said in run(folder, line, code=1)
    assert sorted(folder.iterdir()) == before
