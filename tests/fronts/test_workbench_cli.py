"""The command line takes what people have: pipes, starts, priors, families, many files; and shells complete it."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mixot import Gaussian, Mixture, distances, fit, load, save

RNG = np.random.default_rng(0)
X = np.vstack([RNG.normal(size=(60, 2)), RNG.normal(8, 1, size=(40, 2))])


def mixot(*words, into=None, code=0, folder):
    """Run a command as a person does; its standard output, its standard error."""
    ran = subprocess.run(
        [sys.executable, "-m", "mixot", *map(str, words)], input=into, capture_output=True, text=True, cwd=folder
    )
    assert ran.returncode == code, ran.stderr
    return ran.stdout, ran.stderr


@pytest.fixture
def folder(tmp_path):
    np.savetxt(tmp_path / "a.csv", X, delimiter=",", header="length,width", comments="", fmt="%.17g")
    np.savetxt(tmp_path / "b.csv", X + 3, delimiter=",", header="length,width", comments="", fmt="%.17g")
    (tmp_path / "counts.csv").write_text("n\n" + "\n".join(map(str, RNG.poisson([2, 30], size=(40, 2)).ravel())))
    (tmp_path / "means.csv").write_text("width,length\n8,8\n0,0\n")
    return tmp_path


def test_a_table_comes_and_a_model_goes_through_pipes(folder):
    model, said = mixot("fit", "-", "-k", 2, "-o", "-", into=(folder / "a.csv").read_text(), folder=folder)
    (folder / "piped.json").write_text(model)
    mixot("fit", "a.csv", "-k", 2, "-o", "named.json", folder=folder)
    assert model == (folder / "named.json").read_text()
    assert said == ""
    shown = json.loads(mixot("distance", "-", "named.json", "--json", into=model, folder=folder)[0])
    assert shown["distance"] == pytest.approx(0.0, abs=1e-6)


def test_standard_output_holds_one_thing(folder):
    out, said = mixot("fit", "a.csv", "-o", "-", "--json", code=1, folder=folder)
    assert out == ""
    assert "leave one out" in said


@pytest.mark.parametrize("start", ["model.json", "means.csv"])
def test_fits_start_where_they_are_told(folder, start):
    save(
        Mixture([0.5, 0.5], Gaussian([[8.0, 8.0], [0.0, 0.0]], [np.eye(2)] * 2), columns=["length", "width"]),
        folder / "model.json",
    )
    mixot("fit", "a.csv", "--start", start, "-o", "out.json", folder=folder)
    assert load(folder / "out.json").weights.round(2).tolist() == [0.4, 0.6]
    _, said = mixot("fit", "a.csv", "--start", start, "-k", 3, code=1, folder=folder)
    assert "k=3 was asked for, but start has 2" in said
    _, said = mixot("fit", "a.csv", "--start", start, "--method", "moments", code=1, folder=folder)
    assert "--start is an option of --method em" in said


def test_a_prior_is_that_of_the_library(folder):
    from mixot import EM

    mixot("fit", "a.csv", "-k", 2, "--prior", "fraley-raftery", "-o", "out.json", folder=folder)
    found = fit(X, k=2, method=EM(prior="fraley-raftery"), rng=0).mixture
    np.testing.assert_allclose(load(folder / "out.json").components.covs, found.components.covs, rtol=1e-6)


def test_tails_are_those_of_the_library(folder):
    from mixot import FamilyEM

    heavy = np.concatenate([RNG.standard_t(2.5, size=300), 30 + RNG.standard_t(6, size=300)])
    np.savetxt(folder / "tails.csv", heavy, header="gain", comments="", fmt="%.17g")
    student = ("fit", "tails.csv", "-k", 2, "--family", "student")
    mixot(*student, "--df", "each", "-o", "out.json", folder=folder)
    found = fit(heavy, "student", k=2, method=FamilyEM(df="each"), rng=0).mixture
    np.testing.assert_allclose(load(folder / "out.json").components.df, found.components.df, rtol=1e-4)
    for wrong, told in [
        (("fit", "a.csv", "--df", "each"), "--df is an option of --family student"),
        ((*student, "--df", "each", "--prior", "fraley-raftery"), "--prior is for Gaussian laws"),
        ((*student, "--df", "each", "--missing", "ignore"), "--missing ignore is for Gaussian laws"),
        (("fit", "a.csv", "--df", "each", "--method", "moments"), "--df is an option of --method em"),
    ]:
        assert told in mixot(*wrong, code=1, folder=folder)[1]


@pytest.mark.parametrize("command", ["distance", "plan", "geodesic", "barycenter", "distances"])
def test_families_are_fitted_wherever_tables_are(folder, command):
    more = {"geodesic": ["--steps", 2, "-o", "path"], "barycenter": ["-o", "mean.json"]}.get(command, [])
    law = "exponential" if command == "barycenter" else "poisson"  # the average of Poisson laws is none
    out, _ = mixot(command, "counts.csv", "counts.csv", "--family", law, "--json", *more, folder=folder)
    assert f'"family": "{law}"' in out


def test_all_pairs_of_files(folder):
    for name in ("a", "b"):
        mixot("fit", f"{name}.csv", "-k", 2, "-o", f"{name}.json", folder=folder)
    inputs = ["a.json", "b.json", "a.csv"]
    out, _ = mixot("distances", *inputs, "-k", 2, "-o", "matrix.csv", "--plot", "matrix.svg", folder=folder)
    with (folder / "matrix.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["name", "a.json", "b.json", "a.csv"]  # stems would be the same
    assert [row[0] for row in rows[1:]] == rows[0][1:]
    matrix = np.array([row[1:] for row in rows[1:]], dtype=float)
    expected = distances([load(folder / "a.json"), load(folder / "b.json"), load(folder / "a.json")])
    np.testing.assert_allclose(matrix, expected, atol=1e-6)
    assert "MW2 between 3 inputs" in out
    assert "<svg" in (folder / "matrix.svg").read_text()
    shown = json.loads(mixot("distances", *inputs[:2], "-o", "m.npy", "--json", folder=folder)[0])
    assert shown["names"] == ["a", "b"]
    np.testing.assert_allclose(np.load(folder / "m.npy"), shown["distances"])


def test_all_pairs_of_points_as_they_are(folder):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / "photo.png")
    shown = json.loads(mixot("distances", "a.csv", "b.csv", "--exact", "--json", folder=folder)[0])
    assert shown["distance_name"] == "W2"
    assert shown["distances"][0][1] == pytest.approx(np.sqrt(18))
    assert "fits" in mixot("distances", "a.csv", "b.csv", "--exact", "-k", 2, code=1, folder=folder)[1]
    assert "--start" in mixot("fit", "photo.png", "--start", "means.csv", code=1, folder=folder)[1]
    assert "two or more" in mixot("distances", "a.csv", code=1, folder=folder)[1]
    save(Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), folder / "m.json")
    assert "this is a model" in mixot("distances", "a.csv", "m.json", "--exact", code=1, folder=folder)[1]
    assert "extension" in mixot("distances", "a.csv", "b.csv", "-o", "m.png", code=1, folder=folder)[1]


def complete(folder, line):
    """What bash is offered at the end of a line."""
    words = line.split(" ")
    asked = {"_MIXOT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "from mixot.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, cwd=folder, check=False
    )
    return ran.stdout.split()


def test_shells_complete_commands_families_and_columns(folder):
    assert "distances" in complete(folder, "mixot dist")
    assert complete(folder, "mixot fit a.csv --family poi") == ["poisson"]
    assert complete(folder, "mixot fit a.csv --columns wi") == ["width"]
    assert complete(folder, "mixot fit missing.csv --columns wi") == []
    assert "--install-completion" in mixot("--help", folder=folder)[0]


def test_no_progress_where_nobody_looks(folder):
    assert mixot("fit", "a.csv", "-k", 2, folder=folder)[1] == ""
