"""Rows moved to where others are: domain adaptation and batch correction, as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, no_type_check

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mixot._checks import is_one_of
from mixot._frames import column_names, column_order
from mixot.errors import InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Samples
from mixot.mixture import Mixture, aligned
from mixot.sklearn.classwise import classwise
from mixot.sklearn.em import EMMixture
from mixot.sklearn.fitted import mixture_of
from mixot.sklearn.rows import seed_of
from mixot.transport.maps import TransportMap
from mixot.transport.plans import reversed_plan
from mixot.verbs import plan as plan_of


class MixtureAligner(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A transformer that moves rows to a reference: a mixture is fitted to each, and the optimal plan joins them.

    The map is defined everywhere, not only at the rows of the fit, and costs K affine maps a row. Uses are domain
    adaptation (fit on both domains, transform the source, train there what is applied to the target), batch correction
    (the reference is one batch, or any mixture), and, without a reference, coordinates in which the rows look normal.

    Parameters
    ----------
    reference : array-like or dataframe (m, d), mixture, fit or fitted estimator, or None
        Where rows are moved to; None is the standard normal law. `fit` may be given target rows instead, as those of
        POT's ``ot.da`` are: ``fit(Xs=Xs, Xt=Xt)``, or ``fit(Xs, Xt)``.
    n_components : int or None
        Components of each of the mixtures that are fitted; by BIC where None.
    covariance_type : str
        As in `EMMixture`.
    kind : "mean" or "random"
        The smooth map, or the random one, whose image is exactly the reference's mixture (see `mixot.TransportMap`).
    solver : solver or None
        Of the plan: ``mixot.Exact()``, or ``mixot.OMT(lam=..., eps=..., rho=...)`` for a smooth plan, or an unbalanced
        one.
    max_components : int
        Most components that are tried where ``n_components`` is None.
    random_state : int, RandomState, Generator or None
        For the fits, and the random map.

    Attributes
    ----------
    source_, target_ : `mixot.Mixture`
        Fitted to the rows, and to the reference.
    plan_ : `mixot.Plan`
        Between their components; ``distance_`` is its distance, MW2.
    map_, inverse_map_ : `mixot.TransportMap`
        There and back along the same plan.
    n_features_in_, feature_names_in_
        Number and names of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> xs, xt = rng.normal(0.0, 1.0, (500, 2)), rng.normal(5.0, 2.0, (400, 2))
    >>> moved = MixtureAligner(n_components=1).fit_transform(xs, xt)
    >>> apart = abs(moved.mean(axis=0) - xt.mean(axis=0)).max(), abs(np.cov(moved.T) - np.cov(xt.T)).max()
    >>> bool(apart[0] < 1e-6 and apart[1] < 0.02)
    True

    References
    ----------
    Delon and Desolneux, SIAM J. Imaging Sci. 13 (2020), section 6.3; Courty, Flamary, Tuia and Rakotomamonjy, IEEE PAMI
    39 (2017), on domain adaptation by transport.
    """

    n_features_in_: int

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        reference: Any = None,
        *,
        n_components: int | None = None,
        covariance_type: str = "full",
        kind: str = "mean",
        solver: Any = None,
        max_components: int = 10,
        random_state: Any = None,
    ) -> None:
        self.reference = reference
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.kind = kind
        self.solver = solver
        self.max_components = max_components
        self.random_state = random_state

    def fit(
        self,
        X: Any = None,
        y: Any = None,
        Xt: Any = None,
        yt: Any = None,
        *,
        Xs: Any = None,
        ys: Any = None,
        sample_weight: Any = None,
        target_weight: Any = None,
    ):
        """Fit mixtures to the rows and to the reference, and the plan between them.

        Parameters
        ----------
        X, Xs : (n, d)
            Rows to be moved; ``Xs`` is what POT calls them.
        y, ys : (m, d) or (n,), optional
            A table of d columns in the place of ``y`` is the target, in the place of ``reference``. A vector is labels
            of the rows, which are used where ``yt`` is given and else ignored, as a pipeline passes them.
        Xt : (m, d), optional
            The target, in the place of ``reference``.
        yt : (m,), optional
            Labels of the target's rows: each class of the source is then moved to the same class of the target.
        sample_weight, target_weight : (n,), (m,), optional
            As in `EMMixture`.

        Raises
        ------
        InputError
            On targets of other columns, two targets at once, or classes that the target has not.
        """
        X, y = _one_of(X, Xs, "X", "Xs"), _one_of(y, ys, "y", "ys")
        if not is_one_of(self.kind, ("mean", "random")):
            raise InputError(f'kind must be "mean" or "random", got {self.kind!r}')
        rows: Any = validate_data(self, X, dtype=[np.float64, np.float32])
        if _is_table(y, rows.shape[1]):
            Xt, y = _one_of(y, Xt, "y, a table of target rows,", "Xt"), None
        target = self.reference if Xt is None else Xt
        if Xt is not None and self.reference is not None:
            raise InputError("the target was given twice, as reference and to fit; leave one out")
        if yt is not None:
            if y is None or Xt is None:
                raise InputError("yt labels the rows of Xt; give Xt, and labels of the source, ys, too")
            self.source_, self.target_, self.plan_ = classwise(
                self._mixture, (rows, y, sample_weight), (self._rows(Xt), yt, target_weight), self.solver
            )
        else:
            self.source_ = self._mixture(rows, sample_weight)
            self.target_ = self._target(target, target_weight)
            self.plan_ = plan_of(self.source_, self.target_, solver=self.solver)
        self._join()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Rows moved to the reference, (n, d) -> (n, d); float32 stays float32.

        Called ``Xs`` by POT, which may be given by that name.
        """
        return self._moved(X, "map_")

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Rows of the reference moved to where the source is, (n, d) -> (n, d), along the same plan.

        With one component it undoes `transform`; with several, means over components do not, nor do draws. POT's name
        for the rows is ``Xt``.
        """
        return self._moved(X, "inverse_map_")

    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride] (what fit takes, by name)
        self,
        X: Any = None,
        y: Any = None,
        Xt: Any = None,
        yt: Any = None,
        *,
        Xs: Any = None,
        ys: Any = None,
        sample_weight: Any = None,
        target_weight: Any = None,
    ) -> np.ndarray:
        """`fit`, and the rows moved, (n, d)."""
        X, y = _one_of(X, Xs, "X", "Xs"), _one_of(y, ys, "y", "ys")
        return self.fit(X, y, Xt, yt, sample_weight=sample_weight, target_weight=target_weight).transform(X)

    def _join(self) -> None:
        """The maps along the plan, there and back."""
        kind: Any = self.kind
        self.map_ = TransportMap.along(self.source_, self.target_, self.plan_, kind=kind)
        self.inverse_map_ = TransportMap.along(self.target_, self.source_, reversed_plan(self.plan_), kind=kind)
        self.distance_ = self.plan_.distance

    def _moved(self, X: Any, name: str) -> np.ndarray:
        check_is_fitted(self)
        rows: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return getattr(self, name)(rows, rng=seed_of(self.random_state) if self.kind == "random" else None)

    def _mixture(self, rows: np.ndarray, weight: Any) -> Mixture:
        """The mixture of some rows."""
        k = self.n_components
        found = EMMixture(
            k,
            covariance_type=self.covariance_type,
            max_components=self.max_components,
            random_state=seed_of(self.random_state),
        )
        mixture = found.fit(rows, sample_weight=weight).mixture_
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        return mixture if len(set(names)) != mixture.dim else mixture.named(tuple(names))

    def _target(self, target: Any, weight: Any) -> Mixture:
        """The mixture that rows are moved to."""
        d = self.n_features_in_
        if target is None:
            return Mixture([1.0], Gaussian(np.zeros((1, d)), np.eye(d)[None]))
        mixture = mixture_of(target)
        if mixture is None:
            return self._mixture(self._rows(target), weight)
        if weight is not None:
            raise InputError("target_weight is of rows, and the reference is a mixture, with its own; leave it out")
        if mixture.dim != d:
            raise InputError(f"the reference has {mixture.dim} dimensions, X has {d} features; they must agree")
        return aligned(self.source_, mixture)

    def _rows(self, target: Any) -> np.ndarray:
        """Rows of the target, their columns in the order of X's where both have names."""
        names, came = getattr(self, "feature_names_in_", None), column_names(target)
        order = None if names is None else column_order(tuple(map(str, names)), came, "X and the target")
        points = Samples(target.points if isinstance(target, Samples) else target).points
        if points.ndim != 2 or points.shape[1] != self.n_features_in_:
            raise InputError(
                f"the target must be a table of {self.n_features_in_} columns, as X, got shape {points.shape}"
            )
        return points if order is None else points[:, order]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.non_deterministic = self.kind == "random"
        return tags


def _one_of(value: Any, other: Any, name: str, synonym: str) -> Any:
    """The one of two names of an argument that was given."""
    if value is not None and other is not None:
        raise InputError(f"{name} and {synonym} are two names of one thing; give one of them")
    return other if value is None else value


def _is_table(y: Any, d: int) -> bool:
    """Whether what stands in the place of labels is rows; a single column is labels, unless X has one column, too."""
    shape = () if y is None else np.asarray(y).shape
    return len(shape) == 2 and (shape[1] > 1 or d == 1)


def _by_name(method: Callable, synonym: str) -> Callable:
    """``method(X)`` that may also be called with ``X`` under another name."""

    @wraps(method)
    def call(self: Any, X: Any = None, *rest: Any, **given: Any) -> Any:
        return method(self, _one_of(X, given.pop(synonym, None), "X", synonym), *rest, **given)

    return call


# Not in the class, whose methods scikit-learn wraps to frame what they return, for which X must come by position.
MixtureAligner.transform = _by_name(MixtureAligner.transform, "Xs")
MixtureAligner.inverse_transform = _by_name(MixtureAligner.inverse_transform, "Xt")
MixtureAligner.fit_transform = _by_name(MixtureAligner.fit_transform, "Xs")
