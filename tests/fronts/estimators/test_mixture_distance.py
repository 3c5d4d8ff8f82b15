"""MixtureDistance: distances of groups, however they are given, where scikit-learn asks for precomputed ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.cluster import DBSCAN
from sklearn.manifold import Isomap
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import mixot
from mixot import InputError, Samples
from mixot.sklearn import EMMixture, MixtureDistance


@pytest.fixture
def sets(rng):
    """Twelve clouds of two kinds: one heap, or two."""
    kinds = np.arange(12) % 2
    return [rng.normal(size=(60, 2)) + 6.0 * kind * (np.arange(60) % 2)[:, None] for kind in kinds], kinds


def test_distances_are_those_of_the_library_symmetric_and_zero_on_the_diagonal(sets):
    clouds, _ = sets
    table = MixtureDistance(2, random_state=0).fit_transform(clouds)
    assert table.shape == (12, 12)
    assert (table == table.T).all()
    assert not table.diagonal().any()
    p, q = (EMMixture(2, random_state=0).fit(cloud).mixture_ for cloud in clouds[:2])
    assert table[0, 1] == pytest.approx(mixot.distance(p, q))
    exact = MixtureDistance(measure="samples").fit_transform(clouds[:3])
    assert exact[0, 1] == pytest.approx(mixot.distance(Samples(clouds[0]), Samples(clouds[1])))


def test_groups_lists_arrays_and_mixtures_are_the_same_thing(sets):
    clouds, _ = sets
    names = np.repeat([f"set {i:02}" for i in range(12)], 60)
    by_list = MixtureDistance(2, random_state=0).fit_transform(clouds)
    found = MixtureDistance(2, random_state=0).fit(np.concatenate(clouds), groups=names)
    fits = [EMMixture(2, random_state=0).fit(cloud) for cloud in clouds]
    assert found.groups_.tolist() == sorted(set(names))
    for other in (
        found.transform(np.concatenate(clouds), groups=names),
        MixtureDistance(2, random_state=0).fit_transform(np.stack(clouds)),
        MixtureDistance().fit_transform(fits),
        MixtureDistance().fit_transform([fit.mixture_ for fit in fits]),
        MixtureDistance().fit_transform([fit.fit_ for fit in fits]),
        MixtureDistance(2, random_state=0).fit_transform([pd.DataFrame(cloud) for cloud in clouds]),
    ):
        np.testing.assert_allclose(other, by_list, atol=1e-6)


def test_rows_alone_are_groups_of_one(rng):
    x = rng.normal(size=(20, 3))
    for options in ({}, {"covariance_type": "diag"}, {"measure": "samples"}):
        np.testing.assert_allclose(MixtureDistance(**options).fit_transform(x), pairwise_distances(x), atol=1e-7)


def test_neighbors_clusters_and_manifolds_take_them(sets):
    clouds, kinds = sets
    distance = MixtureDistance(2, random_state=0)
    neighbors = make_pipeline(distance, KNeighborsClassifier(3, metric="precomputed"))
    assert neighbors.fit(clouds[:8], kinds[:8]).score(clouds[8:], kinds[8:]) == 1.0
    assert cross_val_score(neighbors, clouds, kinds, cv=3).min() == 1.0
    labels = make_pipeline(distance, DBSCAN(eps=2.0, min_samples=2, metric="precomputed")).fit_predict(clouds)
    assert len(set(labels[::2])) == len(set(labels[1::2])) == 1
    assert labels[0] != labels[1]
    isomap = Isomap(n_neighbors=len(clouds) - 1, metric="precomputed")  # with all neighbors, classical scaling
    places = isomap.fit_transform(distance.fit_transform(clouds))
    assert np.linalg.norm(places[::2].mean(axis=0) - places[1::2].mean(axis=0)) > 1.0


def test_frames_come_back_with_the_names_of_groups(sets):
    clouds, _ = sets
    table = pd.DataFrame(np.concatenate(clouds[:3]), columns=["a", "b"])
    names = np.repeat(["x", "y", "z"], 60)
    found = MixtureDistance(1).set_output(transform="pandas").fit_transform(table, groups=names)
    assert list(found.index) == ["x", "y", "z"]
    assert list(found.columns) == ["to_x", "to_y", "to_z"]
    with config_context(enable_metadata_routing=True):
        step = MixtureDistance(1).set_fit_request(groups=True).set_transform_request(groups=True)
        routed = make_pipeline(step, DBSCAN(metric="precomputed")).fit(table, groups=names)
    assert routed[0].groups_.tolist() == ["x", "y", "z"]


def test_columns_of_frames_in_a_list_are_matched_by_name(sets):
    a = pd.DataFrame(sets[0][0] * [1.0, 5.0], columns=["a", "b"])
    for measure in ("mixture", "samples"):
        found = MixtureDistance(1, measure=measure).fit([a])
        np.testing.assert_allclose(found.transform([a[["b", "a"]]]), 0.0, atol=1e-6)
        with pytest.raises(InputError, match="without 'c'"):
            found.transform([a.rename(columns={"b": "c"})])


def test_a_group_of_few_rows_gets_few_components():
    table = MixtureDistance(3, random_state=0).fit_transform([[[0.0], [0.0]], [[3.0], [3.0]], [[0.0], [6.0]]])
    np.testing.assert_allclose(table, [[0, 3, np.sqrt(18)], [3, 0, 3], [np.sqrt(18), 3, 0]], atol=0.01)


BAD = [
    (([[0.0], [1.0]],), {"groups": ["a"]}, "groups must be one label for each of 2 rows"),
    (([[0.0], [1.0]],), {"groups": ["a", None]}, "groups must not be missing"),
    (([[[0.0]], [[1.0, 2.0]]],), {}, "item 1 of X has 2 columns, 1 are expected"),
    (([[[0.0]], [["x"]]],), {}, "item 1 of X is no table"),
    (([[[0.0]], [[np.nan]]],), {}, "item 1 of X is no table"),
    (([[[0.0]], [[1.0]]],), {"groups": [0, 1]}, "groups are of rows"),
]


@pytest.mark.parametrize(("rows", "given", "message"), BAD)
def test_bad_groups_are_refused(rows, given, message):
    with pytest.raises(InputError, match=message):
        MixtureDistance().fit(*rows, **given)


def test_other_bad_input():
    with pytest.raises(InputError, match='measure must be "mixture" or "samples"'):
        MixtureDistance(measure="w2").fit([[0.0]])
    with pytest.raises(InputError, match="item 0 of X has 2 columns, 1 are expected"):
        MixtureDistance(1).fit([[[0.0], [1.0]]]).transform([[[0.0, 1.0], [1.0, 2.0]]])
