"""``mixot certify`` and ``mixot fit --certify``, as a person calls them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mixot import Binomial, Gaussian, Mixture, Poisson, certify, load, save

FAITHFUL = Path(__file__).parents[2] / "docs" / "data" / "old-faithful.csv"


def mixot(*arguments, rc=0):
    done = subprocess.run([sys.executable, "-m", "mixot", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == rc, done.stderr
    return done


def test_old_faithful(tmp_path):
    told = mixot("certify", FAITHFUL, "--columns", "waiting", "-o", tmp_path / "proof.png")
    assert "Among them, all with more components, at 3 parameters each, are worse by BIC." in told.stdout
    assert "must hold one whose variance is below 0.1" in told.stdout
    assert "note: column waiting is rounded, 51 different values among 272" in told.stderr
    assert (tmp_path / "proof.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_and_json(tmp_path):
    model, proof = tmp_path / "model.json", tmp_path / "proof.json"
    mixot("fit", FAITHFUL, "--columns", "waiting", "-k", 2, "-o", model)
    asked = ("certify", FAITHFUL, model, "--columns", "waiting", "-c", 0.25, "--json")
    document = json.loads(mixot(*asked, "-o", proof).stdout)
    found = document["certificate"]
    assert document["command"] == "certify"
    assert document["rows"] == 272
    assert found["k_max"] == found["k"] == 2
    assert found["critical_floor"] is None
    assert found["factor"] == 0.25
    assert json.loads(proof.read_text())["certificate"] == found
    x = np.loadtxt(FAITHFUL, delimiter=",", skiprows=1)[:, 1]
    direct = certify(x, load(model).named(None), c=0.25)
    assert found["upper_bound"] == pytest.approx(direct.upper_bound, abs=1e-6)
    assert found["sentence"] == str(direct)
    assert [rival["excluded"] for rival in found["rivals"]] == [False, True]


def test_a_fit_that_is_certified(tmp_path):
    model = tmp_path / "model.json"
    asked = ("fit", FAITHFUL, "--columns", "waiting", "-k", 2, "--certify", "-o", model)
    told = mixot(*asked)
    assert "Among them, all with more components, at 3 parameters each, are worse by BIC." in told.stdout
    document = json.loads(mixot(*asked, "--json").stdout)
    assert document["certificate"]["critical_floor"] == pytest.approx(0.125, abs=0.02)
    assert "certificate" not in json.loads(mixot(*asked[:-3], "-o", model, "--json").stdout)


def test_counts_of_a_poisson_model(tmp_path):
    p = Mixture([0.4, 0.6], Poisson([1.0, 7.0]))
    values, times = np.unique(p.sample(500, rng=0), return_counts=True)
    rows = "\n".join(f"{value:g},{count}" for value, count in zip(values, times, strict=True))
    (tmp_path / "counts.csv").write_text(f"x,times\n{rows}\n")
    save(p, tmp_path / "model.json")
    asked = ("certify", tmp_path / "counts.csv", tmp_path / "model.json", "--counts", "times")
    found = json.loads(mixot(*asked, "--json").stdout)["certificate"]
    assert found["family"] == "Poisson"
    assert found["floors"] is None
    assert found["observations"] == 500
    assert "No Poisson mixture" in mixot(*asked, "-o", tmp_path / "proof.svg").stdout
    assert "error: mixtures of the poisson family need no floor" in mixot(*asked, "-c", 0.5, rc=1).stderr


def test_a_family_that_is_told_its_trials(tmp_path):
    p, data, model = Mixture([0.4, 0.6], Binomial([0.2, 0.7], 10)), tmp_path / "hits.csv", tmp_path / "model.json"
    np.savetxt(data, p.sample(300, rng=0), fmt="%d", header="hits", comments="")
    asked = ("certify", data, "--family", "binomial(10)", "-k", 2)
    told = mixot(*asked, "-o", tmp_path / "proof.svg").stdout
    assert "No Binomial mixture of any number of components" in told
    assert "the number of trials n" in mixot("certify", data, "--family", "binomial", rc=1).stderr
    save(p, model)
    assert "--family is for a fit" in mixot("certify", data, model, "--family", "poisson", rc=1).stderr


def test_what_is_refused(tmp_path):
    save(Mixture([1.0], Gaussian([0.0], [1.0])), tmp_path / "model.json")
    table = tmp_path / "table.csv"
    table.write_text("a,b,c,d\n" + "\n".join(",".join(map(str, row)) for row in np.eye(4) + 1))
    model = tmp_path / "model.json"
    for arguments, words in [
        ((table,), "one to three columns, got 4; certify a marginal"),
        ((table, model), "the data have 4 columns and the fit 1"),
        ((table, table), "not a model; the data come first"),
        ((model,), "the data must be a table, or cells"),
        ((table, model, "--columns", "a", "-k", 2), "here a model is given; leave them out"),
        ((table, model, "--columns", "a", "--floor", 1, "--floors", "shapes"), "give one of the two"),
        ((table, model, "--columns", "a", "-o", tmp_path / "proof.txt"), "proof.txt"),
    ]:
        assert words in mixot("certify", *arguments, rc=1).stderr


def test_a_floor_of_ones_own(tmp_path):
    save(Mixture([0.4, 0.6], Gaussian([54.0, 80.0], [30.0, 30.0])), tmp_path / "model.json")
    asked = ("certify", FAITHFUL, tmp_path / "model.json", "--columns", "waiting", "--floor")
    found = json.loads(mixot(*asked, 4, "--json").stdout)["certificate"]
    assert found["floors"] == [[[16.0]]]
    assert "outside" in mixot(*asked, 8).stderr


def test_a_fit_that_is_not_certified_does_not_load_what_certifies():
    code = (
        "import sys; from typer.testing import CliRunner; from mixot.cli import app\n"
        f"result = CliRunner().invoke(app, ['fit', {str(FAITHFUL)!r}, '-k', '1', '--json'], prog_name='mixot')\n"
        "assert result.exit_code == 0, result.output\n"
        "assert not any(name.startswith('mixot.inference') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
