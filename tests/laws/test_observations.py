"""Cells as points: which labels occur, and whether two sets of them live in the same coordinates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixot import InputError
from mixot.io.h5ad import read_observations
from mixot.io.observations import (
    Labels,
    Observations,
    checked_points,
    coordinate_names,
    labels_of,
    listed,
    pick_key,
    too_large,
)

GENES = np.array(["g0", "g1", "g2"])
AXES = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, np.nan]])


def cells(axes):
    return Observations(np.zeros((2, 2)), np.array(["a", "b"]), "X_pca", "here", {}, axes)


def test_labels_that_occur_are_named_in_the_order_of_their_codes():
    labels = Labels("type", np.array([2, 0, -1, 2]), ("B", "T", "NK"))
    assert labels.present() == ("B", "NK")
    assert replace(labels, codes=np.array([-1, -1, -1, -1])).present() == ()


@pytest.mark.parametrize(
    ("axes", "same"),
    [
        ((AXES.copy(), GENES), True),
        ((AXES * (1 + 1e-5), GENES), True),  # two runs of a decomposition
        ((AXES * [1.0, -1.0], GENES), False),
        ((AXES * 1.1, GENES), False),
        ((AXES[:, :1], GENES), False),
        ((AXES * -1.0, GENES[::-1]), True),  # of other genes: nothing can be told
        (None, True),
    ],
)
def test_coordinates_are_the_same_where_the_axes_are(axes, same):
    assert cells((AXES, GENES)).shares_axes(cells(axes)) is same
    assert cells(axes).shares_axes(cells((AXES, GENES))) is same


def test_only_principal_components_have_axes(tmp_path):
    anndata = pytest.importorskip("anndata")
    made = anndata.AnnData(np.zeros((4, 3)))
    made.var_names = GENES
    made.obsm["X_pca"], made.obsm["X_umap"] = np.ones((4, 2)), np.ones((4, 2))
    made.varm["PCs"] = AXES[:, :1] + np.arange(2.0)
    made.write_h5ad(tmp_path / "a.h5ad")
    axes, genes = read_observations(tmp_path / "a.h5ad", rep="X_pca").axes
    np.testing.assert_array_equal(axes, made.varm["PCs"])
    assert list(genes) == list(GENES)
    assert read_observations(tmp_path / "a.h5ad", rep="X_umap").axes is None


def column(values, **options):
    return labels_of(pd.Series(values, **options), "key", ("#a", "#b"))


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        (pd.Categorical(["T", "B", None, "T"], categories=["T", "B", "NK"]), ("T", "B", "NK"), [0, 1, -1, 0]),
        (["b", None, "a", "b"], ("a", "b"), [1, -1, 0, 1]),
        ([2.5, np.nan, 1.0, 2.5], ("1.0", "2.5"), [1, -1, 0, 1]),
        ([30, 4, 30], ("4", "30"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (np.array(["x", "", "x"], dtype=object), ("", "x"), [1, 0, 1]),
        (pd.array(["u", pd.NA], dtype="string"), ("u",), [0, -1]),
    ],
)
def test_a_column_of_any_kind_becomes_labels(values, names, codes):
    found = column(values)
    assert (found.key, found.names, found.codes.tolist()) == ("key", names, codes)
    assert found.colors == (("#a", "#b") if len(names) == 2 else ())
    assert labels_of(values, "key").codes.tolist() == codes
    assert labels_of(values, "key", None).colors == ()


def test_measurements_are_no_labels():
    times = np.arange(200) / 2
    assert len(column(np.repeat(times, 2)).names) == 200
    with pytest.raises(InputError, match="'key' holds 201 different numbers, which are measurements"):
        column(np.append(times, 0.1))
    assert len(column(np.append(times, np.nan)).names) == 200
    assert len(column(np.arange(300)).names) == 300  # whole numbers name clusters, however many


def test_a_group_is_found_by_its_name_or_its_number():
    labels = Labels("day", np.array([0, 2, 2]), ("1.0", "x", "2.50"))
    assert [labels.code_of(name, "source") for name in ("1.0", 1, np.float32(2.5), "2.50")] == [0, 0, 2, 2]
    for name in (3, "1", "2.5"):
        with pytest.raises(InputError, match=r"is no group of 'day'; groups are 1\.0, x, 2\.50"):
            labels.code_of(name, "source")
    with pytest.raises(InputError, match=r"the group target='x' of 'day' is empty; groups with cells are 1\.0, 2\.50"):
        labels.code_of("x", "target")


def test_so_many_columns_of_a_representation_as_are_asked_for():
    names, values = np.array(["a", "b", "c"]), np.arange(6.0).reshape(3, 2)
    for dims in (1, 2):
        np.testing.assert_array_equal(checked_points(values, names, "X_pca", "here", dims), values[:, :dims])
    for dims in (0, 3, -1):
        with pytest.raises(InputError, match=r"here: dims must be between 1 and the 2 columns of 'X_pca', got"):
            checked_points(values, names, "X_pca", "here", dims)
    np.testing.assert_array_equal(checked_points(pd.DataFrame(values), names, "X", "here", None), values)
    np.testing.assert_array_equal(checked_points(values[:, 0], names, "X", "here", None), values[:, :1])
    for bad in (np.zeros((3, 0)), np.zeros((3, 1, 1))):
        with pytest.raises(InputError, match="must be an array of one row for each cell"):
            checked_points(bad, names, "X", "here", None)
    values[1, 1] = np.inf
    with pytest.raises(InputError, match="got NaN or infinity in 1 of 3 cells: b; drop them"):
        checked_points(values, names, "X", "here", None)
    checked_points(values, names, "X", "here", 1)  # what is left out may be anything


def test_names_of_coordinates_are_texts_each_once():
    assert coordinate_names(["u", "v", "w"], 2) == ("u", "v")
    assert coordinate_names(["u", "1"], 2) == ("u", "1")
    for names in (["u"], ["u", "u"], ["0", "1"], [0, 1], ()):
        assert coordinate_names(names, 2) is None


def test_rows_of_cells_keep_what_belongs_to_them():
    labels = Labels("type", np.array([2, 0, -1]), ("B", "T", "NK"))
    all_three = replace(cells(None), points=np.arange(6.0).reshape(3, 2), names=np.array(["a", "b", "c"]))
    some = replace(all_three, labels={"type": labels}).take(np.array([2, 0]))
    assert (some.names.tolist(), some.labels["type"].codes.tolist(), len(some)) == (["c", "a"], [-1, 2], 2)
    np.testing.assert_array_equal(some.points, [[4.0, 5.0], [0.0, 1.0]])


def test_cells_are_read_in_the_order_of_others():
    one = replace(cells(None), points=np.array([[1.0, 2.0]]), columns=("u", "v"))
    other = replace(one, columns=("v", "u"))
    assert one.in_order_of(one) is one
    turned = one.in_order_of(other)
    assert turned.columns == ("v", "u")
    np.testing.assert_array_equal(turned.points, [[2.0, 1.0]])
    assert one.in_order_of(cells(None)) is one


def test_a_key_that_is_not_there_is_answered_with_those_that_are():
    assert pick_key("a", {"a": 1}, "obsm key", "here") == "a"
    with pytest.raises(InputError, match=r"^here: no obsm key 'a'; there are: b, c; compute it$"):
        pick_key("a", ["c", "b"], "obsm key", "here", "; compute it")
    with pytest.raises(InputError, match=r"^here: no obsm key 'a'; there are: none$"):
        pick_key("a", [], "obsm key", "here")
    assert (listed("abc", 3), listed("abcd", 3)) == ("a, b, c", "a, b, c and 1 more")
    assert "2 cells x 1073741824 genes (16.0 GiB as a dense array)" in str(too_large("here", "dense", (2, 2**30)))
