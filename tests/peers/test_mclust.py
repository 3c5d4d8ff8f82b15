"""structure="auto" against Mclust() in R, on the data that come with it: a winner of no lower BIC, everywhere."""

import shutil
import subprocess

import numpy as np
import pytest

from mixot import EM, Samples

# What Mclust(x) of mclust 6.0.0 chooses, among 1 .. 9 components (20 for wreath), and its BIC.
WINNERS = {
    "faithful": ("EEE", 3, -2314.3163),
    "banknote[, -1]": ("VVE", 3, -1607.5736),
    "MASS::crabs[, 4:8]": ("EEV", 4, -2842.2978),
    "thyroid[, -1]": ("VVI", 3, -4777.9069),
    "diabetes[, -1]": ("VVV", 3, -4751.3164),
    "data.frame(acidity)": ("E", 2, -392.0723),
    "wreath": ("EEV", 14, -10902.7683),
}
BETTER = {  # where a mixture of higher BIC exists
    "banknote[, -1]": ("VVE", 3, -1602.838),
    "MASS::crabs[, 4:8]": ("EEE", 7, -2838.368),
    "thyroid[, -1]": ("VVI", 4, -4765.70),
}
_READ = """
suppressMessages(library(mclust)); data(list = c("banknote", "wreath", "thyroid", "diabetes", "acidity"))
for (s in commandArgs(TRUE)) write.table(eval(parse(text = s)), row.names = FALSE, col.names = FALSE)
"""


def table(expression):
    """The data of an expression in R; the test is skipped where R or the packages are missing."""
    if shutil.which("Rscript") is None:
        pytest.skip("needs R")
    done = subprocess.run(["Rscript", "-e", _READ, expression], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the R packages mclust and MASS: {done.stderr[-200:]}")
    return np.array([[float(word) for word in line.split()] for line in done.stdout.splitlines()])


@pytest.mark.parametrize("expression", WINNERS)
def test_the_winner_of_mclust_or_a_better_one(expression):
    x = table(expression)
    found = EM(k_max=20 if expression == "wreath" else 9).fit(Samples(x), "gaussian", structure="auto", rng=0)
    name, k, theirs = WINNERS[expression]
    assert -found.bic >= theirs - 1e-4 * abs(theirs)
    name, k, best = BETTER.get(expression, (name, k, theirs))
    assert (found.structure, len(found.mixture)) == (name, k)
    assert -found.bic == pytest.approx(best, abs=0.05)


def test_banknote_by_one_volume_is_no_less_likely_whatever_the_seed():
    x = table("banknote[, -1]")  # Mclust(x, G = 3, modelNames = "EVV"): -1698.3188
    for seed in range(8):
        assert -EM().fit(Samples(x), "gaussian", k=3, structure="EVV", rng=seed).bic > -1698.33


def test_a_background_without_being_told_which_rows_are_noise():
    # Mclust(x, G = 2, modelNames = "VVV", initialization = list(noise = 273:352)): 13 parameters, log-likelihood
    # -1615.185; "VVE" has the best BIC of all models, -3301.433
    x = table("{set.seed(1); rbind(as.matrix(faithful), cbind(runif(80, 1.6, 5.1), runif(80, 43, 96)))}")
    full = EM(background=True).fit(Samples(x), "gaussian", k=2, rng=0)
    assert full.n_parameters == 13
    assert 352 * full.log_likelihood == pytest.approx(-1615.18, abs=0.02)
    found = EM(background=True, k_max=3).fit(Samples(x), "gaussian", structure="auto", rng=0)
    assert (found.structure, len(found.mixture)) == ("VVE", 2)
    assert -found.bic == pytest.approx(-3301.35, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("expression", ["faithful", "diabetes[, -1]"])
def test_every_model_is_as_likely_as_where_mclust_ends(expression):
    x = table(expression)
    code = f"""suppressMessages(library(mclust)); data(diabetes)
    write.table(unclass(mclustBIC({expression}, G = 2:4, verbose = FALSE))[,], row.names = FALSE)"""
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    names, *rows = (line.split() for line in done.stdout.splitlines())
    for k, row in zip((2, 3, 4), rows, strict=True):
        for name, value in zip(names, row, strict=True):
            if value != "NA":
                found = EM().fit(Samples(x), "gaussian", k=k, structure=name.strip('"'), rng=0)
                assert -found.bic >= float(value) - 1e-4 * abs(float(value)), (k, name)
