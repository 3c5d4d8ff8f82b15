"""Errors of classifiers on rows that they have not seen, beside LDA and QDA of scikit-learn, and MclustDA."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _table import print_table, versions
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_score

from mixot.sklearn import MixtureClassifier

CRABS = r'library(MASS); write.csv(data.frame(crabs[, 4:8], cl = paste0(crabs$sp, crabs$sex)), "{}", row.names = FALSE)'
MCLUST = r"""
suppressMessages(library(mclust)); set.seed(1)
x <- read.csv("{}"); d <- ncol(x) - 1; start <- proc.time()[1]
m <- MclustDA(x[, 1:d], x[, d + 1], verbose = FALSE)
cat(cvMclustDA(m, nfold = 5, verbose = FALSE)$ce, (proc.time()[1] - start) / 6)
"""
PEERS = {
    "LDA": LinearDiscriminantAnalysis(),
    "QDA": QuadraticDiscriminantAnalysis(),
    "mixot, K by BIC": MixtureClassifier(random_state=0),
    "mixot, K = 1": MixtureClassifier(random_state=0, n_components=1),
}


PATIENCE = 60  # seconds that R gets for a set; the fourteen models of mclust take minutes in thirty dimensions


def told_by_r(code: str) -> str | None:
    """What R writes; None where it, or a package, is not installed, or where it takes too long."""
    if shutil.which("Rscript") is None:
        return None
    try:
        ended = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    return ended.stdout if ended.returncode == 0 else None


def held_out(classifier, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Error over five folds and three shuffles, and CPU seconds a fit; NaN where it refuses."""
    begun, scores = time.process_time(), []
    for seed in range(3):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        scores.append(cross_val_score(classifier, x, y, cv=folds, error_score=np.nan).mean())
    return 1 - float(np.mean(scores)), (time.process_time() - begun) / 15


def main() -> None:
    """All sets that packages ship."""
    sets = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
    tables = {name: load(return_X_y=True) for name, load in sets.items()}
    rows = [["rows", *(f"{name}, error (s)" for name in PEERS), "MclustDA, error (s)"]]
    with tempfile.TemporaryDirectory() as folder:
        crabs = Path(folder) / "crabs.csv"
        if told_by_r(CRABS.format(crabs)) is not None:
            read = np.genfromtxt(crabs, delimiter=",", skip_header=1, dtype=str)
            tables["crabs"] = read[:, :5].astype(float), np.unique(read[:, 5], return_inverse=True)[1]
        for name, (x, y) in tables.items():
            cells = []
            for classifier in PEERS.values():
                try:
                    error, seconds = held_out(classifier, x, y)
                except ValueError:  # all fits failed
                    error, seconds = np.nan, np.nan
                cells.append(f"{error:.4f} ({seconds:.3f})")
            file = Path(folder) / f"{name}.csv"
            np.savetxt(file, np.column_stack([x, y]), delimiter=",", header=",".join(map(str, range(x.shape[1] + 1))))
            theirs = told_by_r(MCLUST.format(file))
            rows.append([name, *cells, theirs or ""])
    print_table(rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(versions("mixot", "numpy", "scikit-learn"))
    main()
