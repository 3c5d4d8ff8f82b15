"""Bad parameters and bad data for the laws beyond the Gaussian: each a clear error that names the place."""

import numpy as np
import pytest

from mixot import (
    Bernoulli,
    Exponential,
    FamilyEM,
    Gamma,
    Gaussian,
    InputError,
    InverseGamma,
    Laplace,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Poisson,
    Product,
    Rayleigh,
    Samples,
    StudentT,
    Weibull,
    barycenter,
)
from mixot.errors import UnsupportedError


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: Poisson([1.0, -2.0]), r"rates must be positive and finite, got -2 for component 1"),
        (lambda: Poisson([0.0]), "rates must be positive"),
        (lambda: Exponential([np.nan]), "rates must be positive and finite, got nan for component 0"),
        (lambda: Exponential([np.inf]), "rates must be positive and finite"),
        (lambda: Exponential(["fast"]), "rates must be numbers"),
        (lambda: Exponential([]), r"rates must have shape \(k,\)"),
        (lambda: Exponential([[1.0]]), r"rates must have shape \(k,\)"),
        (lambda: Gamma([1.0, 2.0], [1.0]), "shapes and scales must be as many, got 2 and 1"),
        (lambda: Gamma([-1.0], [1.0]), "shapes must be positive"),
        (lambda: Gamma([1.0], [0.0]), "scales must be positive"),
        (lambda: StudentT([0.0], [1.0], 2.0), "df must be finite and above 2, got 2:.*no covariance"),
        (lambda: StudentT([0.0], [1.0], 1.0), "above 2"),
        (lambda: StudentT([0.0], [1.0], np.inf), "take Gaussian"),
        (lambda: StudentT([0.0], [1.0], np.nan), "above 2"),
        (
            lambda: StudentT([0.0, 1.0], [1.0, 1.0], [3.0, 4.0, 5.0]),
            r"one for each of 2 components, got \[3.0, 4.0, 5.0\]",
        ),
        (lambda: StudentT([0.0, 1.0], [1.0, 1.0], [3.0, 2.0]), "above 2, got 2:"),
        (lambda: StudentT([0.0], [-1.0], 5.0), "locs and scales must do as means and covs"),
        (lambda: StudentT([[0.0, 0.0]], [np.eye(3)], 5.0), "locs and scales must do as means and covs"),
        (lambda: StudentT([0.0, 1.0], [1.0, 1.0], []), "df must be one number, or one for each of 2"),
        (lambda: StudentT([0.0], [1.0], 4.0).moments(4), "order below df = 4 only, got order 4"),
        (lambda: Laplace([0.0, 1.0], [1.0]), "locs and scales must be vectors of one length"),
        (lambda: Laplace([np.inf], [1.0]), "locs must be finite"),
        (lambda: Laplace([0.0], [0.0]), "scales must be positive"),
        (lambda: LogNormal([0.0], [-1.0]), "scales must be positive"),
        (lambda: LogNormal([[0.0]], [[1.0]]), r"scales must have shape \(k,\)"),
        (lambda: Weibull([0.0], [1.0]), "shapes must be positive"),
        (lambda: Rayleigh([np.nan]), "scales must be positive and finite"),
        (lambda: InverseGamma([1.0, 2.0], [1.0]), "shapes and scales must be as many"),
        (lambda: Bernoulli([0.5, 1.5]), "probs must lie between 0 and 1, got 1.5 for component 1"),
        (lambda: Bernoulli(0.5), r"probs must have shape \(k,\)"),
        (lambda: NegativeBinomial([1.0]), "give either means or probs"),
        (lambda: NegativeBinomial([1.0], [1.0], probs=[0.5]), "give either means or probs"),
        (lambda: NegativeBinomial([1.0], probs=[1.0]), "probs must lie between 0 and 1"),
        (lambda: NegativeBinomial([1.0, 2.0], [1.0]), "sizes and means must be as many, got 2 and 1"),
        (lambda: NegativeBinomial([0.0], [1.0]), "sizes must be positive"),
        (
            lambda: LogNormal.moment_model(1),
            r'fix one number for the scales of all components, fixed=\{"scales": 0.5\}',
        ),
        (lambda: Product(()), "factors must be one or more families"),
        (lambda: Product((Poisson([1.0]), np.ones(1))), "factors must be one or more families.*ndarray"),
        (lambda: Product((Poisson([1.0]), Poisson([1.0, 2.0]))), r"same number of components, got \[1, 2\]"),
        (lambda: Product((Poisson([1.0]),)).cost(Product((Gaussian([[0.0, 0.0]], [np.eye(2)]),))), "same blocks"),
        (lambda: Poisson([1.0]).marginal([1]), "axes must be"),
        (lambda: Poisson.from_parameters({"rate": np.ones(1)}), r"components of the poisson family are \['rates'\]"),
        (lambda: Product.from_parameters({"gamma.shapes": np.ones(1)}), "named like"),
        (lambda: Product.from_parameters({"0.cauchy.shapes": np.ones(1)}), "unknown family 'cauchy'"),
        (lambda: Mixture([0.5, 0.5], Poisson([1.0])), "weights must have shape"),
    ],
)
def test_constructors_say_what_is_wrong(call, what):
    with pytest.raises(InputError, match=what):
        call()


FITS = [
    ([1.0, 2.5, -1.0], "poisson", {}, r"counts 0, 1, 2, \.\.\.; 2 of 3 rows are not, the first holds 2.5: rows 1, 2"),
    ([1.0, 0.0], "gamma", {}, "must be positive; 1 of 2 rows are not, the first holds 0"),
    ([1.0, -1.0], "exponential", {}, "must not be negative"),
    ([0.0, 0.0], "poisson", {}, "all points are zero"),
    ([1.0], "poisson", {}, "k must be at most the number of rows, got k = 2 and 1 rows"),
    ([[1.0, 2.0]] * 3, "poisson", {}, "live on the line"),
    ([1.0, 2.0], "student", {"df": 1.5}, "df must be finite and above 2"),
    ([1.0, 2.0], "student", {"locs": 0.0}, "can hold df fixed, got locs"),
    ([1.0, 2.0], "poisson", {"rates": 1.0}, "can hold nothing fixed"),
    ([1.0, 2.0], "gamma", {"shapes": -1.0}, "shapes must be positive"),
    ([1.0, 2.0], "product", {}, "must know its factors"),
    ([[1.0, 2.0]] * 3, "gamma,poisson,poisson", {}, "3 laws on the line is no law in dimension 2"),
    ([[1.0, 2.5]] * 3, "gamma,poisson", {}, "column 1: points of a Poisson mixture must be counts"),
    ([[1.0, 2.0]] * 3, "gamma,poisson", {"shapes": 1.0}, "named by column"),
    ([1.0, 2.0], "cauchy", {}, "unknown family 'cauchy'"),
]


@pytest.mark.parametrize(("data", "law", "fixed", "what"), FITS)
def test_fits_say_what_is_wrong_with_the_data(data, law, fixed, what):
    with pytest.raises(InputError, match=what):
        FamilyEM(fixed=fixed).fit(Samples(data), law, k=2)


def test_fits_refuse_what_they_cannot_do():
    with pytest.raises(UnsupportedError, match="structure='tied' is for Gaussian families"):
        FamilyEM().fit(Samples([1.0, 2.0]), "poisson", k=1, structure="tied")
    with pytest.raises(UnsupportedError, match="EM needs samples, got Mixture"):
        FamilyEM().fit(Mixture([1.0], Poisson([1.0])), "poisson", k=1)
    with pytest.raises(InputError, match="k must be a whole number"):
        FamilyEM().fit(Samples([1.0, 2.0]), "poisson", k=0)


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")  # they say so, too
@pytest.mark.parametrize("law", ["poisson", "gamma", "exponential", "student"])
@pytest.mark.parametrize("data", [[3.0] * 6, [3.0] * 5 + [4.0], [1.0, 2.0]], ids=["constant", "duplicated", "two"])
def test_fits_survive_degenerate_data(law, data):
    fit = FamilyEM(max_iter=50).fit(Samples(data), law, k=2, rng=0)
    assert np.isfinite(fit.log_likelihood)
    assert fit.mixture.mean()[0] == pytest.approx(np.mean(data), rel=1e-3)
    assert np.isfinite(fit.mixture.density(np.array(data))).all()


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")
def test_a_constant_column_is_fitted_with_the_others():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.standard_t(5, 400), np.full(400, 2.0)])
    fit = FamilyEM().fit(Samples(x), "student", k=1)
    assert fit.mixture.mean()[1] == pytest.approx(2.0)
    assert fit.mixture.cov()[1, 1] < 1e-4


def test_far_tails_and_zeros_give_no_nan():
    for laws in (Poisson([2.0, 9.0]), Gamma([0.5, 3.0], [1.0, 2.0]), Exponential([1.0, 5.0])):
        p = Mixture([0.5, 0.5], laws)
        x = np.array([[0.0], [-3.0], [0.5], [1e12], [1e300]])
        r = p.responsibilities(x)
        np.testing.assert_allclose(r.sum(axis=1), 1.0)
        assert not np.isnan(p.log_density(x)).any()
        coupling = laws.coupling(laws, np.array([0]), np.array([1]))
        assert np.isfinite(coupling.map(x, 0)).all()
        assert np.isfinite(coupling.sample(x, 0, np.random.default_rng(0))).all()


def test_laws_without_a_second_moment_are_refused():
    for df in (2.0, 1.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="finite and above 2"):
            StudentT([0.0], [1.0], df)


def test_barycenters_of_families_name_what_is_wrong():
    light, heavy = (Mixture([1.0], StudentT([0.0], [1.0], df)) for df in (5.0, 4.0))
    with pytest.raises(UnsupportedError, match=r"of unlike df is none, got \[5.0, 4.0\]; fit both with one df"):
        barycenter([light, heavy])
    with pytest.raises(UnsupportedError, match=r"different families, got \['student', 'poisson'\]"):
        barycenter([light, Mixture([1.0], Poisson([1.0]))])
