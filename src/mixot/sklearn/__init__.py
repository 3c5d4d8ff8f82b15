"""Estimators for scikit-learn: pipelines, searches over parameters, frames in and out.

====================  ============================================================================================
`EMMixture`           a Gaussian mixture of maximum likelihood, K given or chosen: in place of ``GaussianMixture``
`MomentMixture`       the same from moments, K read from their relaxations, with a proven bound
`WassersteinMixture`  the Gaussian mixture of least W2 to the rows
`MixtureAligner`      a transformer that moves rows to a reference: domain adaptation, batch correction
`MixtureDistance`     distances between groups of rows, for everything that takes ``metric="precomputed"``
`MixtureClassifier`   a Gaussian mixture for each class: discriminant analysis, as MclustDA
====================  ============================================================================================

All keep scikit-learn's contract (``check_estimator``), its names and its scales: ``bic`` and ``aic`` are totals,
``covariances_`` has the shape that ``covariance_type`` gives it. What the library itself returned stands in ``fit_``, a
`mixot.Fit`, and its mixture in ``mixture_``, which every verb of mixot takes.

>>> import numpy as np
>>> x = np.random.default_rng(0).normal([[-3.0], [3.0]], size=(2, 200)).reshape(-1, 1)
>>> found = EMMixture(random_state=0).fit(x)
>>> found.n_components_, np.sort(found.means_.ravel()).round().tolist()
(2, [-3.0, 3.0])
"""

from mixot.extras import require as _require

_require("sklearn", "sklearn", "mixot.sklearn")

from mixot.sklearn.aligner import MixtureAligner  # noqa: E402
from mixot.sklearn.classifier import MixtureClassifier  # noqa: E402
from mixot.sklearn.distances import MixtureDistance  # noqa: E402
from mixot.sklearn.em import EMMixture  # noqa: E402
from mixot.sklearn.moments import MomentMixture  # noqa: E402
from mixot.sklearn.wasserstein import WassersteinMixture  # noqa: E402

__all__ = [
    "EMMixture",
    "MixtureAligner",
    "MixtureClassifier",
    "MixtureDistance",
    "MomentMixture",
    "WassersteinMixture",
]
