"""Commands between points and densities, exact: they tell what the library finds, and name what goes wrong."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mixot
from mixot import Gaussian, Grid, Mixture, Samples, io, save
from mixot.cli import app

LAW = Mixture([0.5, 0.5], Gaussian([[5.0, 5.0], [9.0, 6.0]], [4 * np.eye(2)] * 2))
SPACE = Mixture([1.0], Gaussian([[0.0, 0.0, 0.0]], [np.eye(3)]))


@pytest.fixture
def run(tmp_path, monkeypatch, rng):
    """Run ``mixot`` in a folder with two clouds of points, a picture of 12 x 8 pixels, and models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name, n in (("a", 9), ("b", 14)):
        io.write_table(f"{name}.csv", rng.random((n, 2)) * [12, 8], ["x", "y"])
    io.write_table("wide.csv", rng.random((9, 3)), ["x", "y", "z"])
    grey = np.tile(np.linspace(0, 255, 12).astype(np.uint8), (8, 1))  # dark on the left
    grey[:4] = 255
    Image.fromarray(grey).save("photo.png")
    Image.fromarray(np.full((8, 12), 255, dtype=np.uint8)).save("white.png")
    save(LAW, "model.json")
    save(SPACE, "space.json")

    def call(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words], prog_name="mixot")
        assert result.exit_code == code, result.output
        assert max(map(len, result.stdout.splitlines()), default=0) <= 80
        plt.close("all")
        return result

    return call


def facts(result):
    return json.loads(result.stdout)


def sheet(bright=False):
    values = np.asarray(Image.open("photo.png")) / 255
    return Grid((values if bright else 1 - values).T, [[0, 12], [0, 8]])


@pytest.mark.parametrize("bright", [False, True])
def test_a_picture_is_a_density_with_rows_that_go_down(bright, run):
    exact = mixot.plan(io.read("a.csv"), sheet(bright))
    words = ["a.csv", "photo.png", *(["--bright"] if bright else []), "--json"]
    found = facts(run("distance", *words))
    assert found["distance"] == pytest.approx(exact.distance, rel=1e-9)
    assert found["gap"] >= 0
    assert found["status"] == "converged"
    assert facts(run("distance", words[1], words[0], *words[2:]))["distance"] == pytest.approx(exact.distance, rel=1e-9)
    below = facts(run("plan", *words))["plan"]
    assert all((entry["center y"] > 4) for entry in below) or bright  # the upper half is white


def test_dots_of_a_picture_are_as_near_to_it_as_was_said(run):
    said = facts(run("quantize", "photo.png", "-n", 25, "-o", "dots.csv", "--json"))["distance"]
    assert facts(run("distance", "dots.csv", "photo.png", "--json"))["distance"] == pytest.approx(said, rel=1e-6)
    assert f"{said:.4g}" in run("distance", "dots.csv", "photo.png").stdout


def test_between_two_tables_the_distance_is_w2_wherever_it_is_named(run, monkeypatch):
    monkeypatch.setitem(plt.rcParams, "svg.fonttype", "none")  # so that a figure can be read
    exact = mixot.distance(io.read("a.csv"), io.read("b.csv"))
    told = run("plan", "a.csv", "b.csv", "--exact", "-o", "plan.svg").stdout
    drawn = Path("plan.svg").read_text(encoding="utf-8")
    assert f"W2 = {exact:.4g}" in drawn
    assert f"{exact:.10g}" in told
    assert "W2" in told
    assert f"{exact:.10g}" in run("distance", "a.csv", "b.csv", "--exact").stdout
    for text in (drawn, told, run("distance", "a.csv", "b.csv", "--exact").stdout):
        assert "MW2" not in text
    assert "MW2" in run("plan", "a.csv", "b.csv", "-k", 1).stdout  # fits are mixtures


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "npy", "npz"])
def test_dots_are_written_as_a_table(suffix, run):
    run("quantize", "photo.png", "-n", 9, "-o", f"dots.{suffix}")
    dots = io.read(f"dots.{suffix}").points
    assert dots.shape == (9, 2)
    assert dots[:, 1].min() > 4  # the upper half is white
    assert dots[:, 0].mean() < 6  # and the left is dark


def test_points_meet_a_model_and_other_points_where_it_is_asked_for(run):
    a, b = io.read("a.csv"), io.read("b.csv")
    for words, exact in ((["a.csv", "model.json"], mixot.distance(a, LAW)), (["a.csv", "b.csv"], mixot.distance(a, b))):
        assert facts(run("distance", *words, "--exact", "--json"))["distance"] == pytest.approx(exact, rel=1e-9)
        assert "W2 at least" not in run("distance", *words, "--exact").stdout
    fitted = run("distance", "a.csv", "model.json", "-k", 1).stdout
    assert "W2 at least" in fitted


def test_weights_of_points_are_kept(run, rng):
    points, weights = rng.random((5, 2)), rng.dirichlet(np.ones(5))
    np.savez("weighted.npz", points=points, weights=weights)
    found = facts(run("distance", "weighted.npz", "photo.png", "--json"))["distance"]
    assert found == pytest.approx(mixot.distance(Samples(points, weights), sheet()), rel=1e-9)


def test_columns_choose_the_coordinates(run):
    found = facts(run("distance", "wide.csv", "photo.png", "--columns", "y,z", "--json"))["distance"]
    assert found == pytest.approx(mixot.distance(io.read("wide.csv", columns=["y", "z"]), sheet()), rel=1e-9)


def test_a_plan_lists_the_cells(run):
    exact = mixot.plan(io.read("a.csv"), sheet())
    run("plan", "a.csv", "photo.png", "-o", "cells.csv")
    table = io.read_table("cells.csv")
    assert table.columns == ("point", "mass", "center x", "center y", "moved", "potential")
    np.testing.assert_allclose(table.values[:, 2:4], exact.centroids, atol=1e-6)
    np.testing.assert_allclose(table.values[:, 1], exact.masses, atol=1e-9)
    np.testing.assert_allclose(table.values[:, 5], exact.potentials, atol=1e-6)
    listed = facts(run("plan", "a.csv", "b.csv", "--exact", "--json"))["plan"]
    assert sum(entry["mass"] * entry["cost"] for entry in listed) == pytest.approx(
        mixot.distance(io.read("a.csv"), io.read("b.csv")) ** 2
    )


@pytest.mark.parametrize("other", ["photo.png", "model.json", "b.csv"])
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_plan_draws_the_cells(other, suffix, run, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("mixot.plot.save", lambda ax, target, close: seen.append((ax, target)))
    run("plan", "a.csv", other, "--exact", "-o", f"cells.{suffix}")
    ax, target = seen[0]
    assert str(target) == f"cells.{suffix}"
    assert ax.get_title().startswith("W2 = ")
    if other == "b.csv":
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("row of b.csv", "row of a.csv")
        return
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    assert ax.yaxis_inverted() == (other == "photo.png")
    monkeypatch.undo()


def test_the_figure_is_written(run, tmp_path):
    run("plan", "a.csv", "photo.png", "-o", "cells.png")
    assert (tmp_path / "cells.png").stat().st_size > 5000


def test_maps_move_points_to_centers_and_the_sheet_to_points(run):
    a, grid = io.read("a.csv"), sheet()
    shown = run("map", "a.csv", "photo.png", "-o", "moved.csv").stdout
    assert "to the centers of their cells" in shown
    np.testing.assert_allclose(io.read("moved.csv").points, mixot.plan(a, grid).centroids, atol=1e-6)
    assert io.read_table("moved.csv").columns == ("x", "y")
    shown = run("map", "photo.png", "a.csv", "--points", "b.csv", "-o", "back.npy").stdout
    assert "to the points of a.csv" in shown
    np.testing.assert_allclose(io.read("back.npy").points, mixot.transport_map(grid, a)(io.read("b.csv").points))
    told = facts(run("map", "a.csv", "model.json", "--exact", "-o", "moved.csv", "--json"))
    assert (told["rows"], told["exact"], told["source"]["measure"]) == (9, True, "9 points")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("distance wide.csv photo.png --exact", "got 3 in wide.csv and 2 in photo.png; choose those of a table with"),
        ("distance photo.png photo.png --exact", "one of A and B must be a table"),
        ("distance model.json model.json --exact", "one of A and B must be a table"),
        ("distance a.csv photo.png -k 2", "-k and --k-max are for fits"),
        ("distance a.csv model.json --bright", "--bright says how a picture is a density; add --exact"),
        ("distance a.csv white.png", "white.png: picture is white: it has no mass"),
        ("distance a.csv missing.png", "missing.png: no such file"),
        ("plan wide.csv space.json --exact -o cells.png", "write a table: -o plan.csv"),
        ("map photo.png a.csv -o m.csv", "photo.png: a density has no points to move; name a table of them"),
        ("map a.csv photo.png --points b.csv -o m.csv", "leave it out, or exchange A and B"),
        ("map a.csv photo.png --kind random -o m.csv", "--kind random is for fits"),
        ("map a.csv b.csv --exact -o m.csv", "between two tables there is a plan, but no map"),
        ("quantize white.png -o d.svg", "white.png: picture is white"),
        ("quantize a.csv -o d.svg", "a.csv: not a picture"),
        ("quantize photo.png -o d.jpg", "use one of .svg .png .csv"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(command, message, run, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    said = run(*command.split(), code=1).stderr
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
