"""The moment route to a mixture, as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, ClassVar, no_type_check

from mixot.errors import InputError
from mixot.fitting.moments.moment_sos import MomentSOS
from mixot.measures import Samples
from mixot.results import Fit, MomentFit
from mixot.sklearn.mixtures import MixtureEstimator
from mixot.sklearn.rows import seed_of


class MomentMixture(MixtureEstimator):
    """A Gaussian mixture from moments, the number of components read from their relaxations.

    The hierarchy of moment-SOS relaxations (`mixot.MomentSOS`) finds mixtures that are close to the data, with a proven
    bound on how close any mixture can come; these are starts, none of them drawn at random, which maximum likelihood
    refines, and BIC chooses among. Data of more than three columns are projected for the relaxations, and a note says
    how.

    Parameters
    ----------
    n_components : int or None
        Number of components; found where None.
    covariance_type : str
        "full", "diag" or "spherical".
    order, max_order : int or None
        The only order of the hierarchy, or the first one and the last.
    distance : "tv" or "w2"
        What the relaxations minimise: total variation, between 0 and 2, or W2.
    refine : "em", "kmeans" or None
        What the starts are handed to.
    support : constraints, str or None
        Where parameters may lie, such as ``"mean in [-3, 3], sd in [0.5, 2]"``.
    projection : "pca" or "pairs"
        How data of more than three columns are projected.
    max_components : int
        Most components that are tried.
    random_state : int, RandomState, Generator or None
        For ``sample``, and for likelihood where it comes last.

    Attributes
    ----------
    distance_bound_ : float
        No mixture over the region is closer to the (projected) data in ``distance`` than this; proven.
    order_, flat_, ranks_
        Of the last relaxation, see `mixot.MomentFit`.
    weights_, means_, covariances_, precisions_, precisions_cholesky_, n_components_, converged_, n_iter_
        As in `EMMixture`, and so are lower_bound_, lower_bounds_, mixture_, fit_, notes_, n_features_in_ and
        feature_names_in_.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([[-3.0], [3.0]], size=(2, 200)).reshape(-1, 1)
    >>> found = MomentMixture().fit(x)
    >>> found.n_components_, 0 <= found.distance_bound_ < 0.1
    (2, True)
    """

    _names: ClassVar[dict[str, str]] = {"k_max": "max_components"}

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        n_components: int | None = None,
        *,
        covariance_type: str = "full",
        order: int | None = None,
        max_order: int | None = None,
        distance: str = "tv",
        refine: str | None = "em",
        support: Any = None,
        projection: str = "pca",
        max_components: int = 8,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.order = order
        self.max_order = max_order
        self.distance = distance
        self.refine = refine
        self.support = support
        self.projection = projection
        self.max_components = max_components
        self.random_state = random_state

    def _fit_rows(self, rows: Samples, family: str, structure: str, k: int | None) -> Fit:
        if structure == "tied":
            raise InputError('covariance_type must be "full", "diag" or "spherical" for moments, got "tied"')
        if len(rows) == 1:
            raise InputError(
                f"moments need two distinct rows or more, got one in n_samples={rows.observations:.0f}; take EMMixture"
            )
        method = MomentSOS(
            order=self.order,
            max_order=self.max_order,
            distance=self.distance,
            refine=self.refine,
            support=self.support,
            projection=self.projection,
            k_max=self.max_components,
        )
        return method.fit(rows, family, k=k, structure=structure, rng=seed_of(self.random_state))

    def _keep(self, found: Fit, notes: tuple[str, ...]) -> None:
        super()._keep(found, notes)
        assert isinstance(found, MomentFit)
        self.distance_bound_ = found.lower_bound
        self.order_, self.flat_, self.ranks_ = found.order, found.flat, found.ranks
