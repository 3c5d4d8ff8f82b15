"""MixtureAligner: rows arrive where the reference is, by every way of saying it, and bad targets are refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

import mixot
from mixot import InputError
from mixot.sklearn import EMMixture, MixtureAligner


@pytest.fixture
def domains(rng):
    """Two classes, and the same turned, stretched and moved, with other shares."""
    ys, yt = rng.integers(0, 2, 300), (rng.random(200) < 0.3).astype(int)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])

    def draw(y):
        return rng.normal(size=(len(y), 2)) * [0.5, 1.0] + 5.0 * y[:, None]

    return draw(ys), ys, draw(yt) @ turn * [1.0, 2.0] + [10.0, -3.0], yt


def test_one_component_gives_the_moments_of_the_target_and_goes_back(domains):
    xs, _, xt, _ = domains
    aligner = MixtureAligner(xt, n_components=1).fit(xs)
    moved = aligner.transform(xs)
    np.testing.assert_allclose(moved.mean(axis=0), xt.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.cov(moved.T, bias=True), np.cov(xt.T, bias=True), rtol=1e-4)
    np.testing.assert_allclose(aligner.inverse_transform(moved), xs, atol=1e-8)
    assert aligner.distance_ == mixot.distance(aligner.source_, aligner.target_) == aligner.plan_.distance


def test_every_way_of_naming_the_target_is_the_same(domains):
    xs, ys, xt, _ = domains
    given = MixtureAligner(xt, n_components=2, random_state=0).fit(xs).transform(xs)
    bare = {"n_components": 2, "random_state": 0}
    fitted = EMMixture(2, random_state=0).fit(xt)
    ways = [
        MixtureAligner(**bare).fit_transform(xs, xt),
        MixtureAligner(**bare).fit(xs, ys, xt).transform(xs),
        MixtureAligner(**bare).fit(Xs=xs, Xt=xt).transform(Xs=xs),
        MixtureAligner(**bare).fit_transform(Xs=xs, ys=ys, Xt=xt),
        MixtureAligner(fitted.fit_, **bare).fit(xs).transform(xs),
        MixtureAligner(fitted, **bare).fit(xs).transform(xs),
        MixtureAligner(fitted.mixture_, **bare).fit_transform(xs),
    ]
    for way in ways:
        np.testing.assert_allclose(way, given, atol=1e-9)
    peer = MixtureAligner(GaussianMixture(2, random_state=0).fit(xt), **bare).fit_transform(xs)
    np.testing.assert_allclose(peer, given, atol=0.1)


def test_the_random_map_has_the_target_as_its_image(domains):
    xs, _, xt, _ = domains
    aligner = MixtureAligner(xt, n_components=2, kind="random", random_state=0).fit(xs)
    moved = aligner.transform(aligner.source_.sample(20_000, rng=1))
    np.testing.assert_allclose(moved.mean(axis=0), aligner.target_.mean(), atol=0.15)
    np.testing.assert_allclose(np.cov(moved.T), aligner.target_.cov(), rtol=0.06)
    np.testing.assert_array_equal(aligner.transform(xs), aligner.transform(xs))


def test_without_a_reference_rows_look_normal(domains):
    xs, _, xt, _ = domains
    moved = MixtureAligner(n_components=2, kind="random", random_state=0).fit_transform(np.concatenate([xs, xt]))
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=0.15)
    np.testing.assert_allclose(np.cov(moved.T), np.eye(2), atol=0.2)


def test_labels_on_both_sides_keep_classes_together_whatever_their_shares(domains):
    xs, ys, xt, yt = domains
    aligner = MixtureAligner(n_components=1).fit(Xs=xs, ys=ys, Xt=xt, yt=yt)
    moved = aligner.transform(xs)
    for c in (0, 1):  # the means of a class meet, although its shares differ
        np.testing.assert_allclose(moved[ys == c].mean(axis=0), xt[yt == c].mean(axis=0), atol=0.2)
    assert aligner.plan_.coupling.tolist() == np.diag(np.bincount(ys) / len(ys)).tolist()
    assert aligner.plan_.gap < 1e-9
    blind = MixtureAligner(n_components=2, random_state=0).fit(xs, xt).transform(xs)
    assert np.abs(blind[ys == 1].mean(axis=0) - xt[yt == 1].mean(axis=0)).max() > 1.0


def test_a_classifier_of_the_source_serves_the_target(domains):
    xs, ys, xt, yt = domains
    model = LogisticRegression()
    assert model.fit(xs, ys).score(xt, yt) < 0.8
    moved = MixtureAligner().fit(Xs=xs, ys=ys, Xt=xt, yt=yt).transform(xs)
    assert model.fit(moved, ys).score(xt, yt) > 0.97
    pipe = make_pipeline(MixtureAligner(xs, n_components=2, random_state=0), LogisticRegression())
    assert pipe.fit(xs, ys).score(xs, ys) > 0.97  # labels go through a pipeline


def test_solvers_weights_and_types(domains):
    xs, _, xt, _ = domains
    smooth = MixtureAligner(xt, n_components=2, solver=mixot.OMT(lam=0.5), random_state=0).fit(xs)
    assert smooth.plan_.coupling.min() > 0
    assert smooth.inverse_map_.plan.coupling.shape == (2, 2)
    assert MixtureAligner(xt).fit_transform(xs.astype(np.float32)).dtype == np.float32
    times = np.arange(len(xs)) % 3
    weighted = MixtureAligner(xt, n_components=1).fit(xs, sample_weight=times)
    np.testing.assert_allclose(weighted.source_.mean(), np.average(xs, axis=0, weights=times), atol=1e-9)
    with config_context(enable_metadata_routing=True):
        step = MixtureAligner(xt, n_components=1).set_fit_request(sample_weight=True)
        pipe = make_pipeline(step, LogisticRegression().set_fit_request(sample_weight=False))
        pipe.fit(xs, times > 0, sample_weight=times)
    np.testing.assert_array_equal(pipe[0].source_.mean(), weighted.source_.mean())


def test_columns_of_frames_are_matched_by_name(domains):
    xs, _, xt, _ = domains
    source, target = (
        pd.DataFrame(xs, columns=["a", "b"], index=range(5, 305)),
        pd.DataFrame(xt[:, ::-1], columns=["b", "a"]),
    )
    moved = MixtureAligner(target, n_components=1).set_output(transform="pandas").fit(source).transform(source)
    assert (list(moved.columns), list(moved.index)) == (["a", "b"], list(source.index))
    np.testing.assert_allclose(moved.to_numpy(), MixtureAligner(xt, n_components=1).fit_transform(xs))
    found = EMMixture(1).fit(target)
    np.testing.assert_allclose(MixtureAligner(found, n_components=1).fit(source).transform(source), moved.to_numpy())
    with pytest.raises(InputError, match="without 'b' and with 'c'"):
        MixtureAligner(found.mixture_.named(("a", "c"))).fit(source)
    with pytest.raises(InputError, match="without 'b' and with 'c'"):
        MixtureAligner(target.rename(columns={"b": "c"})).fit(source)


BAD = [
    ({"Xt": np.zeros((3, 3))}, "must be a table of 2 columns, as X"),
    ({"reference": mixot.Mixture([1.0], mixot.Gaussian([0.0], [1.0]))}, "the reference has 1 dimensions, X has 2"),
    ({"reference": np.zeros((3, 2)), "Xt": np.zeros((3, 2))}, "the target was given twice"),
    ({"y": np.zeros((3, 2)), "Xt": np.zeros((3, 2))}, "two names of one thing"),
    ({"Xs": np.zeros((3, 2))}, "X and Xs are two names"),
    ({"yt": [0, 1, 1]}, "yt labels the rows of Xt"),
    ({"y": [0, 1, 2, 2], "Xt": np.eye(2), "yt": [0, 1]}, "the target has no rows of the classes 2"),
    ({"y": [0, 1], "Xt": np.eye(2), "yt": [0, 1]}, "ys must have one label for each of 4 rows"),
    ({"y": [0, 1, np.nan, 1], "Xt": np.eye(2), "yt": [0, 1]}, "ys must not be NaN"),
    ({"kind": "median"}, 'kind must be "mean" or "random"'),
    ({"Xt": [[np.nan, 1.0]]}, "points must be finite"),
    ({"reference": EMMixture(1)}, "not fitted yet"),
    ({"solver": "sinkhorn"}, "got 'sinkhorn'"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_targets_are_refused(given, message):
    options = {name: given.pop(name) for name in ("reference", "kind", "solver") if name in given}
    with pytest.raises(ValueError, match=message):
        MixtureAligner(**options).fit([[0.0, 1.0], [2.0, 1.5], [4.0, 3.0], [1.0, 8.0]], **given)
