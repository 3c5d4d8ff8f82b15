"""What people see of a choice of components: the command's models and table, and the figure."""

import json

import matplotlib as mpl
import numpy as np
import pytest
from typer.testing import CliRunner

mpl.use("Agg")
import matplotlib.pyplot as plt

from mixot import EM, ComponentSearch, InputError, choose_components, load, plot, read
from mixot.cli import app


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def tables(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, centers in (("a", [-5, 5]), ("b", [-9, 0, 9])):
        rows = np.concatenate([rng.normal(c, 1, size=(30, 2)) for c in centers])
        np.savetxt(f"{name}.csv", rows, delimiter=",", header="u,v", comments="")
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_models_table_and_figure(tables):
    options = "--k-max", 3, "--splits", 2, "-o", "."
    done = run("components", "a.csv", "b.csv", *options, "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["k"], told["l"]) == (2, 3) == (len(load("source.json")), len(load("target.json")))
    assert [(row["k"], row["l"]) for row in told["candidates"]] == [(k, l) for k in (1, 2, 3) for l in (1, 2, 3)]  # noqa: E741
    table = read(tables / "candidates.csv").points
    np.testing.assert_allclose(table[:, 2], [row["excess"] for row in told["candidates"]], rtol=0, atol=0)
    assert (tables / "components.png").stat().st_size > 10_000
    said = run("components", "a.csv", "b.csv", "--k-min", 2, *options)
    assert "2 components and 3" in said.stdout


def test_the_command_takes_equal_numbers_and_a_lam(tables):
    done = run("components", "a.csv", "b.csv", "--k-min", 2, "--k-max", 3, "--equal", "--lam", 7, "--splits", 2, "-o",
               ".", "--json")  # fmt: skip
    told = json.loads(done.stdout)
    assert [(row["k"], row["l"]) for row in told["candidates"]] == [(2, 2), (3, 3)]
    assert told["lam"] == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--k-min 4 --k-max 3 -o .", "--k-min 4 is above --k-max 3"),
        ("--k-max 100 -o .", "half of the data has 30 rows"),
        ("-o no/where", "does not exist"),
    ],
)
def test_the_command_says_what_is_wrong(tables, words, message):
    done = run("components", "a.csv", "b.csv", *words.split())
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize("pairs", ["all", "equal"])
def test_the_figure_is_drawn_into_the_axes_it_is_given(pairs, rng):
    x, y = rng.normal(size=(20, 1)), rng.normal(size=(25, 1))
    search = ComponentSearch(pairs=pairs, splits=2, points=20, fitter=EM(starts=1))
    for sizes in ([1, 2], [1]):
        found = choose_components(x, y, ks=sizes, method=search, rng=0)
        _, axes = plt.subplots(1, 2)
        drawn = plot.component_choice(found, axes=axes)
        assert all(out is given for out, given in zip(drawn, axes, strict=True))
        drawn[0].figure.canvas.draw()
    assert len(plot.component_choice(found)) == 2
    with pytest.raises(InputError, match="two Axes, got 1"):
        plot.component_choice(found, axes=[axes[0]])
