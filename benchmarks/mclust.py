"""Covariance models: ``structure="auto"`` beside Mclust() in R.

    python benchmarks/mclust.py

Both choose among fourteen models and 1 .. 9 components (20 for wreath) by BIC, written as mclust writes it, 2 log L -
p log n: larger is better. Seconds are CPU time, medians of three; those of R are of ``Mclust(x)`` alone, its start left
out. The data come with the R packages mclust and MASS; where ``Rscript`` or one of them is absent, nothing is measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
from _table import print_table, time_it, versions

from mixot import EM, Samples

SETS = {
    "faithful": "faithful",
    "banknote": "banknote[, -1]",
    "crabs": "MASS::crabs[, 4:8]",
    "thyroid": "thyroid[, -1]",
    "diabetes": "diabetes[, -1]",
    "acidity": "data.frame(acidity)",
    "iris": "iris[, 1:4]",
    "wreath": "wreath",
}
CODE = """
suppressMessages(library(mclust)); data(list = c("banknote", "wreath", "thyroid", "diabetes", "acidity"))
x <- data.matrix(eval(parse(text = commandArgs(TRUE)[1]))); most <- as.integer(commandArgs(TRUE)[2])
seconds <- replicate(3, {
    begun <- proc.time(); found <<- Mclust(x, G = 1:most, verbose = FALSE); sum((proc.time() - begun)[1:2])
})
cat(found$modelName, found$G, format(found$bic, digits = 12), median(seconds), as.character(packageVersion("mclust")),
    "\\n")
write.table(x, row.names = FALSE, col.names = FALSE)
"""


def theirs(expression, most):
    """Model, components, BIC, seconds and version of mclust, and the data."""
    done = subprocess.run(["Rscript", "-e", CODE, expression, str(most)], capture_output=True, text=True, check=True)
    head, *rows = done.stdout.splitlines()
    return head.split(), np.array([[float(word) for word in row.split()] for row in rows])


def main() -> None:
    """Print the table."""
    if shutil.which("Rscript") is None:
        print("Rscript is absent: nothing to compare with")
        return
    table = [("data", "n, d", "mclust", "BIC", "s", "mixot", "BIC", "s", "mclust / mixot")]
    for name, expression in SETS.items():
        most = 20 if name == "wreath" else 9
        try:
            (model, k, bic, seconds, version), x = theirs(expression, most)
        except subprocess.CalledProcessError as failed:
            print(f"{name} is left out: {failed.stderr.strip()[-200:]}", file=sys.stderr)
            continue
        fits = []

        def ours(x=x, most=most, fits=fits):
            fits.append(EM(k_max=most).fit(Samples(x), "gaussian", structure="auto", rng=0))

        own = time_it(ours, 3)
        found = fits[-1]
        size, ratio = f"{len(x)}, {x.shape[1]}", float(seconds) / own
        mine = f"{found.structure} {len(found.mixture)}", f"{-found.bic:.2f}", f"{own:.3f}"
        table.append((name, size, f"{model} {k}", f"{float(bic):.2f}", seconds, *mine, f"{ratio:.1f}"))
    print_table(table)
    print(versions("mixot", "numpy"), "mclust", version)


if __name__ == "__main__":
    main()
