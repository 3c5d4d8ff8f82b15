"""``mixot recolor`` with several palettes, grids and tables, as a person sees it."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("PIL")

from mixot.imaging.lookup_tables import read_color_table
from mixot.io import Picture, read_picture, write_picture

CODE = "from mixot.cli import main; main()"


@pytest.fixture
def folder(tmp_path, rng):
    for name, color in (("photo", (120, 120, 120)), ("a", (200, 110, 60)), ("b", (60, 90, 190)), ("c", (90, 160, 90))):
        picture = np.array(color) + np.linspace(-40, 40, 24)[:, None, None] + rng.normal(0, 6, (24, 30, 3))
        write_picture(tmp_path / f"{name}.png", Picture(np.clip(picture, 0, 255).astype(np.uint8)))
    (tmp_path / "curves.cube").write_text("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n")
    write_picture(tmp_path / "clear.png", Picture(np.zeros((4, 4, 4), np.uint8)))
    return tmp_path


def run(folder, line, code=0):
    words = [sys.executable, "-c", CODE, "recolor", *line.split()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def pixels(path):
    return read_picture(path).pixels.astype(int)


def test_a_table_goes_round(folder):
    facts = json.loads(
        run(folder, "photo.png --palette a.png b.png --weights .3 .7 -o mix.png --table mix.cube --json")
    )
    assert (facts["palette"], facts["weights"], facts["table"]) == ("a.png, b.png", [0.3, 0.7], "mix.cube")
    assert (folder / "mix.cube").read_text().startswith('TITLE "mixot a.png, b.png"\nLUT_3D_SIZE 33\n')
    facts = json.loads(run(folder, "photo.png --lut mix.cube -o again.png --table hald.png --json"))
    assert (facts["map"], facts["lut"], facts["table"]) == ("table", "mix.cube", "hald.png")
    np.testing.assert_array_equal(pixels(folder / "again.png"), pixels(folder / "mix.png"))
    assert read_color_table(folder / "hald.png").size == 36


def test_a_table_alone(folder):
    assert "look.cube" in run(folder, "photo.png --palette a.png -o look.cube --table-size 17")
    assert read_color_table(folder / "look.cube").size == 17
    run(folder, "photo.png --palette look.cube -o seen.png --strength 0")
    assert np.abs(pixels(folder / "seen.png") - pixels(folder / "photo.png")).max() <= 1
    assert run(folder, "photo.png --palette a.png -o -.cube").startswith("TITLE")


def test_weight_one_is_that_palette(folder):
    run(folder, "photo.png --palette a.png b.png --weights 0 1 -o one.png")
    run(folder, "--palette b.png photo.png -o alone.png")
    np.testing.assert_array_equal(pixels(folder / "one.png"), pixels(folder / "alone.png"))


def test_grids_on_a_sheet_and_in_a_folder(folder):
    shown = run(folder, "photo.png --palette a.png b.png c.png --grid 2 -o sheet.jpg")
    assert "between a.png, b.png, c.png" in shown
    assert pixels(folder / "sheet.jpg").shape[1] > 2 * 30
    facts = json.loads(run(folder, "photo.png --palette a.png b.png --grid 3 -o steps --json"))
    assert facts["grid"] == [[[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]]
    assert sorted(path.name for path in (folder / "steps").iterdir()) == ["1-1.png", "1-2.png", "1-3.png", "sheet.png"]
    run(folder, "photo.png --palette b.png -o alone.png")
    np.testing.assert_array_equal(pixels(folder / "steps" / "1-3.png"), pixels(folder / "alone.png"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("photo.png --palette a.png b.png --weights .5 .6 -o x.png", "--weights must sum to one, got 1.1; divide"),
        ("photo.png --palette a.png --weights .5 -o x.png", "--weights must sum to one, got 0.5; divide"),
        ("text.png --palette a.png b.png --weights -1 2 -o x.png", "--weights must not be negative"),
        ("photo.png --palette a.png -o x.png --table ./x.png", "-o and --table both name x.png"),
        ("photo.png --palette a.png curves.cube -o x.png", "curves.cube: a table of colors is no palette"),
        ("photo.png --palette clear.png -o x.png", "error: clear.png: the palette is transparent everywhere"),
        ("photo.png --palette clear.png a.png -o x.png", "error: clear.png: the palette is transparent everywhere"),
        ("photo.png --palette a.png clear.png --grid 3 -o x.png", "error: clear.png: the palette is transparent"),
        ("photo.png --palette a.png b.png --weights .5 -o x.png", "one number for each of the 2 inputs"),
        ("photo.png --palette a.png b.png --weights .5 .5 --grid 3 -o x.png", "--grid shows all weights"),
        ("photo.png --palette a.png --grid 3 -o x.png", "between two, three or four palettes, got 1"),
        ("photo.png --palette a.png b.png --grid 3 -o x.cube", "--grid makes many maps"),
        ("photo.png --palette a.png --lut curves.cube -o x.png", "give one of them"),
        ("photo.png --lut curves.cube -o x.png", "curves for each channel"),
        ("photo.png --lut curves.cube --keep lightness -o x.png", "leave --grid, --weights, --keep and --gain out"),
        ("photo.png --palette a.png --faithful -o x.cube", "tables are of the natural map"),
        ("photo.png --palette a.png -o x.png --table x.txt", "use one of .cube .png"),
        ("photo.png --palette a.png -o x.cube --table y.cube", "is a table already"),
        ("photo.png --palette a.png b.png --grid 3 -o nowhere/sub", "does not exist"),
    ],
)
def test_what_does_not_fit_together_is_told_in_a_line(line, said, folder):
    before = sorted(folder.iterdir())
    assert said in run(folder, line, code=1)
    assert sorted(folder.iterdir()) == before


def test_without_a_palette_it_is_asked_for(folder):
    assert "--palette" in run(folder, "photo.png -o x.png", code=2)
