"""The options of ``mixot fit --method moments``, in a process of its own, and regions in words."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, InputError, MomentSOS, Poisson, UnsupportedError, fit, io
from mixot.families.moment_model import Extent
from mixot.fitting.moments.region_in_words import region_of_words
from mixot.formulas.polynomial.regions import contains, in_words

EXTENT = Extent(np.array([-3.0, -1.0]), np.array([3.0, 5.0]), np.zeros(2), np.eye(2))
LINE = Extent(np.array([0.0]), np.array([9.0]), np.ones(1), np.eye(1))


@pytest.fixture
def run(tmp_path):
    def call(*words, code=0):
        command = [sys.executable, "-m", "mixot", "fit", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    rng = np.random.default_rng(0)
    io.write_table(tmp_path / "skewed.csv", rng.beta(0.6, 2, (1000, 1)) * 2 - 1, ["x"])
    io.write_table(tmp_path / "counts.csv", rng.poisson(rng.choice([2.0, 20.0], (500, 1))).astype(float), ["n"])
    return call


def test_all_options_reach_the_fit_and_what_they_say_is_told(run):
    words = ["skewed.csv", "--method", "moments", "--order", 4, "-k", 1, "--region", "sd in [0.447, 1]"]
    more = ["--regularizer", "trace", "--confidence", 0.95, "--coverage", "finite-sample"]
    facts = json.loads(run(*words, *more, "--json").stdout)["fit"]
    assert (facts["order"], facts["regularizer"]) == (4, "0.001 times trace")
    assert "cov[0,0] in [0.199809, 1]" in facts["region"]
    assert facts["lower_bound"] == pytest.approx(0.0715, abs=5e-4)
    assert facts["regularized"] > facts["hierarchy"][-1]["objective"] > 0
    bound = facts["population"]
    assert (bound["level"], bound["coverage"], bound["order"]) == (0.95, "finite-sample", 4)
    assert 0 <= bound["lower_bound"] < facts["lower_bound"]
    shown = " ".join(run(*words, "--confidence", 0.95, "--slack", 0.5).stdout.split())
    for words in ("population", "with probability 0.95", "regularised", "0.1 times spread"):
        assert words in shown


def test_a_family_is_named_for_moments_and_likelihood_alike(run, tmp_path):
    run("counts.csv", "--family", "poisson", "-k", 2, "-o", "em.json")
    run("counts.csv", "--family", "poisson", "-k", 2, "-o", "moments.json", "--method", "moments", "--order", 3)
    one, other = (io.load(tmp_path / name) for name in ("em.json", "moments.json"))
    assert isinstance(one.components, Poisson)
    np.testing.assert_allclose(np.sort(one.components.rates), np.sort(other.components.rates), rtol=1e-3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--family", "poisson|gaussian"], "mixtures of unlike families"),
        (["--region", "sd in 1, 2"], "a region is written like"),
        (["--region", "rate in [1, 2]"], "no parameter is called 'rate'"),
        (["--coverage", "asymptotic"], "leave it out, or add that"),
        (["--confidence", "95"], "a level between 0 and 1"),
        (["--order", "3", "-k", "4"], "order 3 is too low for k=4"),
    ],
)
def test_options_that_make_no_sense_end_in_one_line(words, said, run):
    done = run("skewed.csv", "--method", "moments", *words, code=1)
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("model", "text", "told"),
    [
        (Poisson.moment_model(1), "rate in [1, 8]", "rate in [1, 8]"),
        (Gaussian.moment_model(1), "sd in [.5, 2]", "mean[0] in [0, 9], cov[0,0] in [0.25, 4], and Spectrum"),
        (
            DiagonalGaussian.moment_model(2, weighted=False),
            "sd in [0.5, 2], mean[1] in [0, 1e1]",
            "mean[0] in [-3, 3], mean[1] in [0, 10], std[0] in [0.5, 2], std[1] in [0.5, 2]",
        ),
        (
            DiagonalGaussian.moment_model(2),
            "variance[0] in [1,2], mean in [-1, 1]",
            "mean[0] in [-1, 1], mean[1] in [-1, 1], variance[0] in [1, 2], variance[1] in [0.0009, 9]",
        ),
    ],
)
def test_regions_in_words(model, text, told):
    assert in_words(region_of_words(text, model, EXTENT if model.dim == 2 else LINE), model.names) == told


def test_sd_of_full_covariances_bounds_their_eigenvalues():
    model = Gaussian.moment_model(2)
    region = region_of_words("sd in [1, 2], cov[0,1] in [-1, 1]", model, EXTENT)
    theta = np.array([[0, 0, 2.0, 0.5, 2.0], [0, 0, 1.1, 0.5, 1.1], [0, 0, 3.9, 0, 1.0], [0, 0, 2.5, 1.2, 2.5]])
    assert contains(region, theta, model.degrees).tolist() == [True, False, True, False]


def test_words_that_name_no_region_are_refused():
    with pytest.raises(InputError, match="a region is written like"):
        MomentSOS(support="everywhere")
    with pytest.raises(InputError, match="must be below"):
        MomentSOS(support="mean in [2, 1]")
    with pytest.raises(InputError, match="sd is of Gaussian laws"):
        region_of_words("sd in [1, 2]", Poisson.moment_model(1), LINE)
    with pytest.raises(InputError, match="must not be negative"):
        region_of_words("sd in [-1, 2]", Gaussian.moment_model(1), LINE)


@pytest.mark.parametrize("method", ["em", "moments"])
def test_unlike_families_are_refused(method):
    with pytest.raises(UnsupportedError, match=r"mixtures of unlike families, 'poisson.gaussian', are not fitted"):
        fit(np.arange(20.0), "poisson|gaussian", method=method)
