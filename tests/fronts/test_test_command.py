"""``mixot test``: what the library says, to people and to machines."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import mixot
from mixot import Gaussian, Mixture, save
from mixot.cli import app
from mixot.io import write_table

X = np.random.default_rng(0).standard_normal((40, 2))
Y = np.random.default_rng(1).standard_normal((30, 2)) + 1.5


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "a.csv", X, ["u", "v"])
    write_table(tmp_path / "b.csv", Y[:, ::-1], ["v", "u"])
    write_table(tmp_path / "counts.csv", np.c_[np.arange(9), [5, 9, 8, 7, 4, 3, 2, 1, 1]], ["x", "times"])
    save(Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), tmp_path / "m.json")

    def call(*words, code=0):
        result = CliRunner().invoke(app, ["test", *map(str, words)], prog_name="mixot")
        assert result.exit_code == code, result.output
        return result

    return call


def facts(result):
    return json.loads(result.stdout)


def test_one_component(run):
    told = facts(run("a.csv", "--draws", 39, "--json"))
    found = mixot.test_one_component(X, draws=39, rng=0)
    assert told["p_value"] == found.p_value
    assert told["gain"] == pytest.approx(found.gain)
    assert (told["command"], told["test"], told["n"], told["k"]) == ("test", "one component", 40, 2)
    text = run("a.csv", "--draws", 39).stdout
    assert "one Gaussian law" in text
    assert f"{found.p_value:.6g}" in text


@pytest.mark.parametrize(
    ("words", "null", "options"),
    [
        (["--floor", "0.7"], "gaussian mixture", {"floor": "sd >= 0.7"}),
        (["--null", "gaussian mixture, sd >= 0.5 sd", "--splits", 2], "gaussian mixture, sd >= 0.5 sd", {"splits": 2}),
        (["--null", "gaussian", "-k", 3], "gaussian", {"k": 3}),
        (["--null", "m.json"], Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), {}),
    ],
)
def test_nulls(run, words, null, options):
    told = facts(run("a.csv", *words, "--json"))
    found = mixot.split_test(X, null, rng=0, **options)
    assert told["log_e"] == pytest.approx(found.log_e)
    assert told["null"] == found.null
    assert np.shape(told["parts"]) == found.parts.shape
    assert f"{found.log_e:.10g}" in run("a.csv", *words).stdout


def test_counts_against_one_poisson_law(run):
    told = facts(run("counts.csv", "--counts", "times", "--null", "poisson", "--alternative", "counts", "--json"))
    assert told["n"] == 40
    rows = np.repeat(np.arange(9.0), [5, 9, 8, 7, 4, 3, 2, 1, 1])
    assert told["log_e"] == pytest.approx(mixot.split_test(rows, "poisson", alternative="counts", rng=0).log_e)


@pytest.mark.parametrize("statistic", ["mw2", "w2", "energy"])
def test_two_samples(run, statistic):
    """Columns are matched by name."""
    told = facts(run("a.csv", "b.csv", "--statistic", statistic, "--draws", 39, "--json"))
    found = mixot.two_sample_test(X, Y, statistic, permutations=39, rng=0)
    assert told["distance"] == pytest.approx(found.distance)
    assert told["p_value"] == found.p_value == 1 / 40
    assert told["null_median"] == pytest.approx(np.median(found.null))
    text = run("a.csv", "b.csv", "--statistic", statistic, "--draws", 39).stdout
    assert "0.025, rejected at 0.05" in text


def test_interval(run):
    words = ["a.csv", "b.csv", "--interval", "--draws", 39, "--level", 0.9, "--scale", "columns"]
    told = facts(run(*words, "--json"))
    found = mixot.distance_interval(X, Y, draws=39, level=0.9, scale="columns", rng=0)
    assert (told["lower"], told["upper"]) == pytest.approx((found.lower, found.upper))
    assert told["test"] == "interval"
    assert f"{found.lower:.6g} to {found.upper:.6g} at level 0.9" in " ".join(run(*words).stdout.split())


def test_notes_are_told(run, tmp_path):
    write_table(tmp_path / "r.csv", X.round(0), ["u", "v"])
    assert "repeat others" in run("r.csv", "--draws", 19).stderr
    assert "repeat others" in facts(run("r.csv", "--draws", 19, "--json"))["notes"][0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("a.csv --statistic w2", "a test of one component (one input) has no --statistic"),
        ("a.csv --null gaussian --draws 99", "a test of a null (one input) has no --draws"),
        ("a.csv b.csv --null gaussian", "a test of two samples (two inputs) has no --null"),
        ("a.csv b.csv --level 0.9", "a test of two samples (two inputs) has no --level"),
        ("a.csv --interval", "name a second input"),
        ("m.json", "m.json: the data must be a table"),
        ("a.csv m.json", "m.json: a model has no rows"),
        ("a.csv --null gauss", "unknown family"),
        ("missing.csv", "missing.csv"),
    ],
)
def test_what_cannot_be_asked_is_told(run, words, told):
    result = run(*words.split(), code=1)
    assert told in result.stderr
    assert result.stdout == ""


def test_large_evidence_has_a_p_value_above_zero(run, tmp_path):
    rng = np.random.default_rng(0)
    write_table(tmp_path / "far.csv", np.r_[rng.normal(0, 1, 500), rng.normal(60, 1, 500)][:, None], ["x"])
    assert 0 < facts(run("far.csv", "--null", "one component", "--json"))["p_value"] < 1e-300
    assert "below 1e-300, rejected" in run("far.csv", "--null", "one component").stdout


def test_halves_without_spread_are_told(run, tmp_path):
    write_table(tmp_path / "flat.csv", np.r_[np.zeros((12, 2)), np.eye(2)], ["u", "v"])
    result = run("flat.csv", "--null", "gaussian mixture", "--floor", "0.4 sd")
    assert "vary in too few directions" in " ".join(result.stderr.split())


def test_help_tells_both_tests_of_one_component(run):
    text = " ".join(run("--help").stdout.split())
    assert "another test" in text
