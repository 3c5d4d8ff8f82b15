"""EMMixture() against GaussianMixture(n_init=10), K by BIC: held-out log-likelihood, adjusted Rand index, CPU time.

``python benchmarks/estimators.py`` runs both on tables that installed packages ship, as they are: three shuffled
folds, the choice of K among 1 .. 10 made in each by both, and one fit to all rows for clusters and time. The penguins
come with the package palmerpenguins, if it is installed. Names of tables may follow, to run only these.
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd
from _table import print_table
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold

from mixot.sklearn import EMMixture

warnings.simplefilter("ignore")
K_MAX = 10


def tables():
    """Name, rows and classes (or None) of each table."""
    for name in ("iris", "wine", "breast_cancer"):
        loaded = getattr(datasets, f"load_{name}")()
        yield name, loaded.data, loaded.target
    cancer, digits = datasets.load_breast_cancer(), datasets.load_digits()
    yield "breast cancer, 5 PCs", PCA(5).fit_transform(cancer.data / cancer.data.std(axis=0)), cancer.target
    yield "digits, 5 PCs", PCA(5, random_state=0).fit_transform(digits.data), digits.target
    yield "diabetes, 6 sera", datasets.load_diabetes(scaled=False).data[:, 4:], None
    yield from from_other_packages()


def from_other_packages():
    """Those of mlxtend, statsmodels and palmerpenguins."""
    try:
        from mlxtend import data

        x, _ = data.autompg_data()
        yield "auto mpg (mlxtend)", x[:, 1:5], None  # displacement, horsepower, weight, acceleration
    except ImportError:
        pass
    try:
        import statsmodels.datasets as shipped

        yield "engel (statsmodels)", shipped.engel.load_pandas().data.to_numpy(), None
        yield "star98 (statsmodels)", shipped.star98.load_pandas().exog.iloc[:, :4].to_numpy(), None
        yield "ccard (statsmodels)", shipped.ccard.load_pandas().data[["AVGEXP", "AGE", "INCOME"]].to_numpy(), None
    except ImportError:
        pass
    try:
        from importlib.resources import files

        frame = pd.read_csv(str(files("palmerpenguins") / "data" / "penguins.csv")).dropna()
        measured = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
        yield "penguins", frame[measured].to_numpy(), frame["species"].astype("category").cat.codes.to_numpy()
    except ImportError:
        pass


def by_bic(x, seed):
    """The fit of scikit-learn with the lowest BIC."""
    sizes = range(1, min(K_MAX, len(x)) + 1)
    fits = [GaussianMixture(k, n_init=10, random_state=seed).fit(x) for k in sizes]
    return min(fits, key=lambda each: each.bic(x))


def timed(fit):
    begin = time.process_time()
    found = fit()
    return found, time.process_time() - begin


def compared(x, y):
    """Held-out scores of both on the folds, and both fits to all rows with their CPU times."""
    held = []
    for train, test in KFold(3, shuffle=True, random_state=0).split(x):
        ours = EMMixture(random_state=0).fit(x[train])
        held.append((ours.score(x[test]), by_bic(x[train], 0).score(x[test])))
    ours, mine = timed(lambda: EMMixture(random_state=0).fit(x))
    theirs, peer = timed(lambda: by_bic(x, 0))
    rand = ["" if y is None else f"{adjusted_rand_score(y, each.predict(x)):.3f}" for each in (ours, theirs)]
    return np.array(held), (ours, theirs), rand, (mine, peer)


def main():
    titles = ["table", "K, K", "held out, mixot", "scikit-learn", "difference", "Rand, mixot", "scikit-learn"]
    rows = [[*titles, "CPU s, mixot", "scikit-learn / mixot"]]
    for name, x, y in tables():
        if sys.argv[1:] and name.split()[0] not in sys.argv[1:]:
            continue
        x = np.asarray(x, dtype=float)
        held, (ours, theirs), rand, (mine, peer) = compared(x, y)
        gain = held[:, 0] - held[:, 1]
        rows.append(
            [
                f"{name}, {x.shape[0]} x {x.shape[1]}",
                f"{ours.n_components_}, {theirs.n_components}",
                f"{held[:, 0].mean():.3f}",
                f"{held[:, 1].mean():.3f}",
                f"{gain.mean():+.3f} +- {gain.std(ddof=1) / np.sqrt(len(gain)):.3f}",
                *rand,
                f"{mine:.3f}",
                f"{peer / mine:.0f}",
            ]
        )
        print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)  # as it goes on
    print_table(rows)


if __name__ == "__main__":
    main()
