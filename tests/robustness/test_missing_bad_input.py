"""What a person can get wrong with missing values and noise, and who must never see them."""

import numpy as np
import pytest

import mixot
from mixot import EM, FamilyEM, Incomplete, InputError, Mixture, MomentSOS, Samples, StudentT, UnsupportedError

IGNORE = EM(missing="ignore")
NAN = np.nan
X = np.array([[0.0, 1.0], [1.0, NAN], [NAN, 2.0], [0.5, 0.0], [2.0, 1.0], [1.5, 0.5]])
FULL = np.nan_to_num(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixot.fit(X, k=1), r"2 of 6 rows: 1, 2; drop or fill them, or fit .*missing='ignore'.* columns 0, 1"),
        (
            lambda: mixot.fit(Incomplete(X), k=1),
            r"missing in column 0 \(1\), 1 \(1\), rows 1, 2; EM\(missing='ignore'\)",
        ),
        (lambda: EM(missing="drop"), "missing must be one of error, ignore, got 'drop'"),
        (lambda: mixot.fit([[NAN, NAN]] * 3, k=1, method=IGNORE), "got 3 rows in which all are missing"),
        (lambda: mixot.fit([[NAN, 1.0], [NAN, 2.0]], k=1, method=IGNORE), "in every column, all are missing in 0"),
        (lambda: Incomplete([[NAN, 1.0], [NAN, 2.0]], columns=["age", "b"]), "all are missing in 'age'; leave"),
        (lambda: Incomplete([[np.inf, 1.0], [NAN, 2.0]], columns=["age", "b"]), "infinity in row 0, column 'age'"),
        (lambda: mixot.fit([[np.inf, 1.0], [NAN, 2.0]], k=1, method=IGNORE), "infinity in row 0, column 0"),
        (lambda: Incomplete(np.empty((0, 2))), "zero rows"),
        (lambda: Incomplete(X, [1.0]), r"weights must have shape \(6,\)"),
        (lambda: Incomplete([[NAN, 1.0], [1.0, NAN]]).complete(), "every one of the 2 rows has a gap"),
        (lambda: EM(noise="much"), "noise must be numbers"),
        (lambda: EM(noise=0.5), r"noise must be variances \(d,\) or"),
        (lambda: mixot.fit(FULL, k=1, method=EM(noise=np.ones(3))), r"to go with 6 rows of dimension 2, got \(3,\)"),
        (lambda: mixot.fit(FULL[:2], k=1, method=EM(noise=np.eye(2))), "may be the variances of 2 rows or"),
        (lambda: mixot.fit(FULL, k=1, method=EM(noise=[1.0, -1.0])), "negative variance"),
        (lambda: mixot.fit(FULL, k=1, method=EM(noise=[[1.0, 2.0], [2.0, 1.0]])), "semidefinite, got a negative eigen"),
        (lambda: mixot.fit(FULL, k=1, method=EM(noise=[[1.0, 0.5], [0.0, 1.0]])), "must be symmetric"),
        (lambda: mixot.fit(FULL, k=1, method=EM(noise=X**2)), "NaN or infinity in 2 rows: 1, 2"),
        (lambda: mixot.fit(X, k=7, method=IGNORE), "k=7 components need at least as many distinct rows"),
    ],
)
def test_it_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_noise_may_be_missing_where_the_value_is():
    assert mixot.fit(X, k=1, method=EM(missing="ignore", noise=0.1 + 0 * X)).status.solved


@pytest.mark.parametrize("method", [IGNORE, EM(noise=[0.1, 0.1])])
@pytest.mark.parametrize("name", ["student", "diagonal,poisson"])
def test_other_families_name_the_alternative(name, method):
    with pytest.raises(UnsupportedError, match=r"Gaussian laws only \(gaussian, diagonal\).*impute"):
        mixot.fit(FULL, name, k=1, method=method)


def test_who_asks_for_labels_of_rows_with_gaps_is_told_how():
    mixture = mixot.fit(FULL, k=1).mixture
    for ask in (mixture.predict, mixture.responsibilities, mixture.log_density, mixture.density):
        with pytest.raises(InputError, match=r"of what was observed of such rows, ask it with Incomplete\(x\)"):
            ask(X)
        assert len(ask(Incomplete(X))) == len(X)
    with pytest.raises(InputError) as caught:
        mixture.predict(np.full((1, X.shape[1]), np.inf))
    assert "Incomplete" not in str(caught.value)


def test_only_fits_see_what_is_missing():
    gaps, points = Incomplete(X), Samples(FULL)
    mixture = mixot.fit(FULL, k=1).mixture
    calls = [
        lambda: mixot.distance(gaps, points),
        lambda: mixot.distance(mixture, gaps),
        lambda: mixot.plan(points, gaps),
        lambda: mixot.geodesic(gaps, mixture),
        lambda: mixot.transport_map(gaps, mixture),
        lambda: mixot.barycenter([gaps, points]),
        lambda: mixot.bounds(gaps, mixture),
        lambda: mixot.quantize(gaps, 2),
        lambda: mixot.certify(gaps, mixture),
        lambda: gaps.mean(),
        lambda: gaps.cov(),
        lambda: gaps.moments(2),
        lambda: mixot.fit(gaps, k=1, method=MomentSOS(order=2)),
        lambda: mixot.fit(gaps, k=1, method="wasserstein"),
        lambda: mixot.fit(gaps, "student", k=1, method=FamilyEM()),
    ]
    for call in calls:
        with pytest.raises((UnsupportedError, InputError)):
            call()


def test_notes_say_what_is_missing_and_what_is_left_out(rng):
    x = rng.normal(size=(60, 3))
    x[:10, 0], x[20:, 1], x[15] = NAN, NAN, NAN
    x[:20, 2] = NAN
    fit = mixot.fit(Incomplete(x, columns=["a", "b", "c"]), k=1, method=IGNORE)
    assert any("72 of 180 values are missing ('a' 11, 'b' 41, 'c' 20)" in note for note in fit.notes)
    assert any("1 of 60 rows hold no value and are left out: 15" in note for note in fit.notes)
    assert any("no row holds both 'b' and 'c'" in note for note in fit.notes)
    assert fit.observations == pytest.approx(59)  # the weights of the rows that are left are scaled anew


def test_a_start_of_another_family_is_refused():
    start = Mixture([1.0], StudentT([[0.0, 0.0]], [np.eye(2)], 5.0))
    with pytest.raises(UnsupportedError, match="Gaussian"):
        mixot.fit(X, k=1, method=EM(missing="ignore", start=start))
