"""Single-cell data: results stand where scanpy's users look for them, survive files, and nothing is made dense."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from scipy import sparse

import mixot
import mixot.anndata as single_cell
from mixot import Gaussian, InputError, Mixture, io
from mixot.io.h5ad import read_observations

# Few cells: many types are one component here, and are told.
pytestmark = pytest.mark.filterwarnings("ignore:types that are a single component")

TYPES = ("T cell/CD4+", "B cell", "NK")  # a "/" in a name must not become a folder of a file
CENTERS = np.array([[8.0, 0, 0, 0], [0, 8.0, 0, 0], [0, 0, 8.0, 0]])
SHIFTS = np.array([[0, 0, 0, 2.0], [0, 0, 0, -1.0], [0, 0, 0, 0.5]])


def cells(rng, n=300, shift=None, odds=(0.5, 0.3, 0.2), x=None):
    which = rng.choice(3, n, p=odds)
    moved = 0.0 if shift is None else shift[which]
    names = pd.Categorical.from_codes(which, ["unused", *TYPES][1:])
    adata = AnnData(x, obs=pd.DataFrame({"type": names}, index=[f"cell-{i}" for i in range(n)]))
    adata.obsm["X_pca"] = (CENTERS[which] + moved + rng.standard_normal((n, 4)) * 0.7).astype(np.float32)
    adata.uns["type_colors"] = ["#aa0000", "#00aa00", "#0000aa"]
    return adata


@pytest.fixture
def before(rng):
    return cells(rng)


@pytest.fixture
def after(rng):
    other = cells(rng, 400, SHIFTS)
    other.obs_names = [f"late-{i}" for i in range(400)]
    return other


@pytest.fixture
def both(before, after):
    """One object with three conditions, of which the last has a single cell."""
    obs = pd.concat([before.obs, after.obs, after.obs[:1].rename(index={"late-0": "last"})])
    adata = AnnData(obs=obs)
    adata.obsm["X_pca"] = np.concatenate([before.obsm["X_pca"], after.obsm["X_pca"], after.obsm["X_pca"][:1]])
    adata.obs["condition"] = pd.Categorical(["ctrl"] * 300 + ["stim"] * 400 + ["other"])
    adata.uns["type_colors"] = before.uns["type_colors"]
    return adata


def with_genes(adata):
    """The same cells with a sparse matrix of 50 genes."""
    x = sparse.random(adata.n_obs, 50, 0.1, format="csr", random_state=0)
    return AnnData(x, obs=adata.obs, obsm=dict(adata.obsm), uns=dict(adata.uns))


def test_fit_by_label(before):
    assert single_cell.fit(before, groupby="type") is None
    found = single_cell.fitted(before)
    assert found.names == TYPES
    np.testing.assert_allclose(found.mixture.components.means, CENTERS, atol=0.5)
    np.testing.assert_allclose(found.mixture.weights, before.obs["type"].value_counts()[list(TYPES)] / 300)
    assert (before.obs["mixot"] == before.obs["type"]).mean() > 0.99
    shares = before.obsm["mixot_responsibilities"]
    np.testing.assert_array_equal(shares, found.mixture.responsibilities(before.obsm["X_pca"]))
    assert before.uns["mixot"]["params"]["rep"] == "X_pca"
    assert before.uns["mixot_colors"] == before.uns["type_colors"]


def test_fit_without_labels_chooses_k(before):
    single_cell.fit(before, dims=3, key_added="em", rng=0)
    found = single_cell.fitted(before, "em")
    assert len(found.mixture) == 3
    assert found.mixture.dim == 3
    assert before.uns["em"]["fit"]["tried"].tolist() == list(range(1, 11))
    assert list(before.obs["em"].cat.categories) == ["1", "2", "3"]
    assert pd.crosstab(before.obs["em"], before.obs["type"]).max().sum() > 295
    assert "mixot" not in before.uns


def test_seeds_and_copies(before):
    keys = set(before.uns), set(before.obs), set(before.obsm)
    one, two = (single_cell.fit(before, k=3, rng=7, copy=True) for _ in range(2))
    assert (set(before.uns), set(before.obs), set(before.obsm)) == keys
    np.testing.assert_array_equal(one.obsm["mixot_responsibilities"], two.obsm["mixot_responsibilities"])


def test_several_components_for_a_type(before):
    single_cell.fit(before, groupby="type", k=2, rng=0)
    names = list(before.obs["mixot"].cat.categories)
    assert names == [f"{name} {j}" for name in TYPES for j in (1, 2)]
    single_cell.fit(before, groupby="type", k="auto", rng=0)
    assert single_cell.fitted(before).names == TYPES


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")
def test_cells_without_a_label_get_one(before):
    before.obs.loc[before.obs_names[:50], "type"] = np.nan
    single_cell.fit(before, groupby="type")
    assert before.obs["mixot"].notna().all()
    assert "50 of 300 points have no label" in before.uns["mixot"]["notes"][0]


@pytest.mark.filterwarnings("ignore:df is")
@pytest.mark.parametrize("law", ["student", "diagonal"])
def test_other_families(law, before):
    single_cell.fit(before, k=2, family=law, rng=0)
    assert single_cell.fitted(before).mixture.components.name == law


def test_transport_recovers_planted_shifts(both):
    assert single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", rng=0) is None
    table = single_cell.flows(both)
    assert list(table.index) == list(table.columns) == list(TYPES)
    assert np.trace(table.to_numpy()) > 0.9
    np.testing.assert_allclose(table.sum(axis=1), both.obs["type"][:300].value_counts()[list(TYPES)] / 300, atol=1e-9)
    stays = both.obs["transport_fate"][:300] == both.obs["type"][:300]
    assert stays.mean() > 0.95
    moved = single_cell.between(both[:300], both[300:700], labels="type", solver=mixot.Exact())
    kept = moved.populations
    for code in range(3):  # an affine map moves each type's mean onto that of the cells it becomes
        means = kept.target.mixture.components.means[code] - kept.source.mixture.components.means[code]
        np.testing.assert_allclose(means, SHIFTS[code], atol=0.35)
    assert both.uns["transport"]["params"]["from"] == "ctrl"
    assert set(both.uns["transport"]["growth"]["growth"]) == {1.0}
    assert both.uns["transport"]["plan"]["kind"] == "omt"
    assert both.uns["transport"]["stability"]["report"].startswith("stability of the plan, lam = ")


@pytest.mark.parametrize("solver", [mixot.Exact(), mixot.OMT(eps=0.5), mixot.OMT(rho=30.0), mixot.OMT(lam=0.0)])
def test_plans_of_all_solvers_survive(solver, before, after):
    single_cell.transport(before, after, labels="type", solver=solver, rng=0)
    found, kept = single_cell.between(before, after, labels="type", solver=solver), single_cell.planned(before)
    assert type(kept.plan) is type(found.plan)
    for name in type(kept.plan).__slots__:
        np.testing.assert_array_equal(getattr(kept.plan, name), getattr(found.plan, name))
    np.testing.assert_array_equal(kept.growth(), found.populations.growth())
    np.testing.assert_allclose(kept.push(before.obsm["X_pca"]), found.populations.push(before.obsm["X_pca"]), atol=1e-5)


def test_growth_of_types(before, rng):
    after = cells(rng, 3000, SHIFTS, odds=(0.2, 0.2, 0.6))
    single_cell.transport(before, after, labels="type", growth=True, rng=0)
    before_shares, after_shares = (
        each.obs["type"].value_counts(normalize=True)[list(TYPES)] for each in (before, after)
    )
    assert np.trace(single_cell.flows(before).to_numpy()) > 0.999
    factors = before.uns["transport"]["growth"].set_index(["side", "label"])["growth"]
    np.testing.assert_allclose(factors["source"][list(TYPES)], after_shares / before_shares, rtol=1e-2)
    assert set(factors["target"]) == {1.0}
    each = before.obs.groupby("type", observed=True)["transport_growth"].mean()
    np.testing.assert_allclose(each[list(TYPES)], factors["source"][list(TYPES)], rtol=1e-12)
    single_cell.transport(before, after, labels="type", key_added="balanced", rng=0)
    assert set(before.obs["balanced_growth"]) == {1.0}
    assert np.trace(single_cell.flows(before, "balanced").to_numpy()) < 0.7
    with pytest.raises(InputError, match=r"say it there: OMT\(rho=\.\.\.\)"):
        single_cell.transport(before, after, labels="type", growth=True, solver=mixot.Exact())


def test_what_transport_writes_and_for_which_cells(both):
    single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", key_added="t", rng=0)
    for name, rows in (("image", slice(0, 300)), ("origin", slice(300, 700))):
        for held in (both.obsm[f"t_{name}"], both.obsm[f"t_{name}_random"]):
            assert held.dtype == np.float32
            seen = np.isfinite(held).all(axis=1)
            assert seen[rows].all()
            assert seen.sum() == seen[rows].sum()
    np.testing.assert_allclose(both.obsm["t_fates"][:300].sum(axis=1), 1.0)
    assert both.obs["t_fate"][300:].isna().all()
    assert both.obs["t_ancestor"][300:700].notna().all()
    assert both.uns["t_fate_colors"] == both.uns["type_colors"]


def test_only_what_is_asked_is_written(both):
    asked = {"groupby": "condition", "source": "ctrl", "target": "stim", "labels": "type", "key_added": "t"}
    single_cell.transport(both, write=("fates", "origins"), **asked)
    assert {name for name in both.obsm if name.startswith("t_")} == {"t_fates", "t_origin", "t_origin_random"}
    assert {name for name in both.obs if name.startswith("t_")} == {"t_fate", "t_growth"}
    assert both.uns["t"]["left_out"] < 1e-6
    single_cell.transport(both, write=("images",), **asked)  # what it was not asked for is not left from before
    assert {name for name in both.obsm if name.startswith("t_")} == {"t_image", "t_image_random"}
    assert {name for name in both.obs if name.startswith("t_")} == {"t_growth"}
    with pytest.raises(InputError, match="write takes some of images, fates, origins, ancestors; got image"):
        single_cell.transport(both, write="image", **asked)


def test_random_images_have_the_law_of_the_target(both):
    single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", rng=0)
    image, target = both.obsm["transport_image_random"][:300], both.obsm["X_pca"][300:700]
    np.testing.assert_allclose(image.mean(axis=0), target.mean(axis=0), atol=0.35)
    np.testing.assert_allclose(np.cov(image.T), np.cov(target.T), atol=1.5)


def test_two_objects(before, after):
    single_cell.transport(before, after, labels="type", rng=0)
    assert np.isfinite(before.obsm["transport_image"]).all()
    assert "transport_image" not in after.obsm
    assert np.isfinite(after.obsm["transport_origin"]).all()
    pd.testing.assert_frame_equal(single_cell.flows(before), single_cell.flows(after))
    first, second = single_cell.transport(before, after, labels="type", rng=0, key_added="c", copy=True)
    assert "c" in first.uns
    assert "c" in second.uns
    assert "c" not in before.uns


def test_the_result_object_says_the_same(before, after):
    found = single_cell.between(before, after, labels="type")
    assert set(before.uns) == {"type_colors"}
    single_cell.transport(before, after, labels="type", rng=0)
    pd.testing.assert_frame_equal(found.flows(), single_cell.flows(before))
    np.testing.assert_allclose(found.images(), before.obsm["transport_image"])
    np.testing.assert_allclose(found.origins(), after.obsm["transport_origin"])
    np.testing.assert_allclose(found.fates(), before.obsm["transport_fates"])
    assert list(found.fates().index) == list(before.obs_names)
    assert list(found.ancestors().columns) == list(TYPES)
    table = found.table()
    np.testing.assert_allclose(table.groupby("source")["share"].sum(), 1.0)
    np.testing.assert_allclose((table["mass"] * table["distance"] ** 2).sum(), found.plan.cost)
    again = single_cell.planned(before)
    np.testing.assert_array_equal(again.push(before.obsm["X_pca"]), found.populations.push(before.obsm["X_pca"]))


def test_by_label_or_by_density(before, after):
    by_label = single_cell.between(before, after, labels="type")
    by_density = single_cell.between(before, after, labels="type", assign="density")
    np.testing.assert_array_equal(by_label.flows(), by_density.flows())
    odd = int(np.abs(by_label.fates().to_numpy() - by_density.fates().to_numpy()).max(axis=1).argmax())
    lone = by_density.populations.source.mixture.responsibilities(before.obsm["X_pca"])[odd]
    plan = by_density.populations.plan.coupling
    np.testing.assert_allclose(by_density.fates().iloc[odd], lone @ (plan / plan.sum(axis=1, keepdims=True)), atol=1e-9)


def test_without_labels_components_are_found(before, after):
    found = single_cell.between(before, after, k=3, rng=0)
    assert found.assign == "density"
    assert list(found.flows().index) == ["1", "2", "3"]
    assert (found.flows().max(axis=1) > 0.15).all()


@pytest.mark.parametrize("key", ["number", "text", "flag", "when"])
def test_groups_of_any_kind(key, both, before):
    adata = both[:700].copy()
    late = np.arange(700) >= 300
    adata.obs["number"], adata.obs["text"], adata.obs["flag"] = np.where(late, 1.5, 0.0), np.where(late, "b", "a"), late
    adata.obs["when"] = pd.Categorical(np.where(late, "early", "late"), categories=["late", "early"])  # in this order
    single_cell.transport(adata, groupby=key, labels="type", rng=0)
    assert np.isfinite(adata.obsm["transport_image"][:300]).all()
    if key == "number":
        single_cell.transport(adata, groupby=key, source=1.5, target=0, labels="type", rng=0)
        assert np.isfinite(adata.obsm["transport_image"][300:]).all()
    if key == "text":
        single_cell.transport(adata, groupby=key, source="b", labels="type", rng=0)
        assert np.isfinite(adata.obsm["transport_image"][300:]).all()


def test_results_survive_a_file(both, tmp_path):
    single_cell.fit(both, groupby="type")
    single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", rng=0)
    both.write_h5ad(tmp_path / "both.h5ad")
    again = read_h5ad(tmp_path / "both.h5ad")
    np.testing.assert_array_equal(single_cell.flows(again), single_cell.flows(both))
    np.testing.assert_array_equal(
        single_cell.fitted(again).mixture.components.covs, single_cell.fitted(both).mixture.components.covs
    )
    assert single_cell.fitted(again).notes == single_cell.fitted(both).notes
    x = both.obsm["X_pca"]
    np.testing.assert_array_equal(single_cell.planned(again).push(x), single_cell.planned(both).push(x))
    np.testing.assert_array_equal(again.obsm["transport_fates"], both.obsm["transport_fates"])
    pd.testing.assert_frame_equal(
        again.uns["transport"]["flows"], both.uns["transport"]["flows"], check_dtype=False, check_categorical=False
    )
    assert again.uns["transport"]["plan"]["gap"] == both.uns["transport"]["plan"]["gap"]
    single_cell.sankey(again)


def huge(n=200_000, genes=30_000):
    """A sparse matrix of genes that would take 45 GiB if it were dense, and a small representation."""
    rng = np.random.default_rng(0)
    x = sparse.csr_matrix((np.ones(n, np.float32), (np.arange(n), rng.integers(genes, size=n))), shape=(n, genes))
    adata = cells(rng, n, x=x)
    adata.obs["time"] = pd.Categorical(np.where(np.arange(n) % 2, "1", "0"))
    return adata


def test_sparse_matrices_are_not_made_dense(monkeypatch):
    adata = huge()

    def refused(*_, **__):
        raise AssertionError("made dense")

    for name in ("toarray", "todense"):
        for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix):
            monkeypatch.setattr(kind, name, refused)
    single_cell.fit(adata, groupby="type")
    single_cell.transport(adata, groupby="time", labels="type", rng=0)
    assert np.trace(single_cell.flows(adata).to_numpy()) > 0.99
    with pytest.raises(InputError, match=r"200000 cells x 30000 genes \(44\.7 GiB as a dense array\).*scanpy\.pp\.pca"):
        single_cell.fit(adata, rep="X")


def test_backed_files_are_read_where_needed(both, tmp_path, monkeypatch):
    both = with_genes(both)
    both.write_h5ad(tmp_path / "both.h5ad")
    backed = read_h5ad(tmp_path / "both.h5ad", backed="r")
    monkeypatch.setattr(type(backed), "X", property(lambda self: pytest.fail("X was read")))
    single_cell.transport(backed, groupby="condition", source="ctrl", target="stim", labels="type", rng=0)
    with pytest.raises(InputError, match=r"backed by a file.*rep='X_pca'"):
        single_cell.fit(backed, rep="X")
    with pytest.raises(InputError, match=r"adata\.to_memory"):
        single_cell.fit(backed, copy=True)
    monkeypatch.undo()
    backed.file.close()
    single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", rng=0)
    np.testing.assert_array_equal(single_cell.flows(backed), single_cell.flows(both))


def test_a_dense_matrix_in_memory_is_a_representation(rng):
    adata = cells(rng, x=np.zeros((300, 2)))
    adata.X = adata.obsm["X_pca"][:, :2].copy()
    single_cell.fit(adata, rep="X", k=2, rng=0)
    assert single_cell.fitted(adata).mixture.dim == 2


def test_files_are_read_in_part(both, tmp_path):
    both = with_genes(both)
    both.obsm["frame"] = pd.DataFrame(both.obsm["X_pca"], index=both.obs_names, columns=list("abcd"))
    both.obs["number"] = np.arange(701) % 3
    both.write_h5ad(tmp_path / "both.h5ad")
    found = read_observations(tmp_path / "both.h5ad", labels=["type", "number"], dims=3)
    np.testing.assert_array_equal(found.points, both.obsm["X_pca"][:, :3])
    assert found.names.tolist() == both.obs_names.tolist()
    assert found.labels["type"].names == TYPES
    assert found.labels["type"].colors == tuple(both.uns["type_colors"])
    np.testing.assert_array_equal(found.labels["number"].codes, np.arange(701) % 3)
    frame = read_observations(tmp_path / "both.h5ad", rep="frame")
    np.testing.assert_array_equal(frame.points, both.obsm["X_pca"])
    assert isinstance(io.read(tmp_path / "both.h5ad"), mixot.Samples)
    with pytest.raises(InputError, match="701 cells x 50 genes"):
        read_observations(tmp_path / "both.h5ad", rep="X")


def test_figures_have_the_colors_of_the_types(both):
    import matplotlib.pyplot as plt
    from matplotlib.colors import to_hex

    single_cell.transport(both, groupby="condition", source="ctrl", target="stim", labels="type", rng=0)
    ax = single_cell.sankey(both)
    drawn = {to_hex(patch.get_facecolor()) for patch in ax.patches}
    assert drawn == set(both.uns["type_colors"])
    words = [text.get_text() for text in ax.texts]
    assert "ctrl" in words
    assert "stim" in words
    assert sum(word.startswith("T cell/CD4+  ") for word in words) == 2
    table = single_cell.heatmap(both)
    assert [label.get_text() for label in table.get_yticklabels()] == list(TYPES)
    plt.close("all")


def test_a_law_on_each_side_gives_its_own_plan(rng):
    """The plan from cells is near the plan of the laws that the cells were drawn from."""
    covs = np.stack([np.diag([0.5, 1.0, 0.2, 0.1]), np.eye(4) * 0.3, np.diag([0.1, 0.1, 2.0, 0.4])])
    p = Mixture([0.5, 0.3, 0.2], Gaussian(CENTERS, covs))
    q = Mixture([0.2, 0.5, 0.3], Gaussian(CENTERS + SHIFTS, covs[::-1]))
    sides = []
    for law in (p, q):
        which = rng.choice(3, 20_000, p=law.weights)
        adata = AnnData(obs=pd.DataFrame({"type": np.array(TYPES)[which]}, index=np.arange(20_000).astype(str)))
        adata.obsm["X_pca"] = law.components.sample(which, rng)
        sides.append(adata)
    found = single_cell.between(*sides, labels="type", solver=mixot.Exact()).flows().loc[list(TYPES), list(TYPES)]
    np.testing.assert_allclose(found, mixot.plan(p, q).coupling, atol=0.02)


GENES = ["a", "b", "c", "d"]


def with_names(adata, order=(0, 1, 2, 3), table=True):
    """The same cells, whose representation is a table, or X, with its columns in this order."""
    points, names = np.asarray(adata.obsm["X_pca"], dtype=float)[:, order], [GENES[j] for j in order]
    if table:
        out = AnnData(obs=adata.obs.copy())
        out.obsm["X_named"] = pd.DataFrame(points, index=adata.obs_names, columns=names)
        return out
    return AnnData(points, obs=adata.obs.copy(), var=pd.DataFrame(index=names))


@pytest.mark.parametrize("table", [True, False])
def test_coordinates_with_names_are_matched_by_name(table, before, after, tmp_path):
    rep, turned = ("X_named" if table else "X"), (2, 0, 3, 1)
    options = {"labels": "type", "rep": rep, "k": 1}
    p, q, around = with_names(before, table=table), with_names(after, table=table), with_names(after, turned, table)
    expected, found = (single_cell.between(p, each, **options) for each in (q, around))
    assert found.populations.source.mixture.columns == found.populations.target.mixture.columns == tuple(GENES)
    np.testing.assert_allclose(found.flows(), expected.flows(), atol=1e-9)
    np.testing.assert_allclose(found.images(), expected.images(), atol=1e-9)
    frame = pd.DataFrame(found.source.points, columns=GENES)
    pushed = found.populations.push(frame[[GENES[j] for j in turned]], found.source_codes)
    np.testing.assert_allclose(pushed, found.images(), atol=1e-12)
    single_cell.fit(around, groupby="type", rep=rep)
    assert single_cell.fitted(around).mixture.columns == tuple(GENES[j] for j in turned)
    around.write_h5ad(tmp_path / "around.h5ad")
    assert single_cell.fitted(read_h5ad(tmp_path / "around.h5ad")).mixture.columns == tuple(GENES[j] for j in turned)
    from_file = read_observations(tmp_path / "around.h5ad", rep=rep, labels=["type"])
    np.testing.assert_allclose(single_cell.between(p, from_file, **options).flows(), expected.flows(), atol=1e-9)
    strange = with_names(after, table=table)
    if table:
        strange.obsm["X_named"] = strange.obsm["X_named"].rename(columns={"a": "z"})
    else:
        strange.var_names = ["z", *GENES[1:]]
    with pytest.raises(InputError, match="both must have the columns 'a', 'b', 'c', 'd', got a table without 'a'"):
        single_cell.between(p, strange, **options)


def test_numbers_are_no_names_of_coordinates(before):
    points = np.asarray(before.obsm["X_pca"])
    plain = AnnData(points, obs=before.obs.copy())  # anndata calls the columns "0", "1", ...
    assert single_cell.between(plain, plain, labels="type", rep="X", k=1).populations.source.mixture.columns is None
    assert single_cell.between(before, before, labels="type", k=1).populations.source.mixture.columns is None
