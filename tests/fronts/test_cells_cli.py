"""The commands on .h5ad files: cell types of two files, or of two groups of one."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from PIL import Image
from typer.testing import CliRunner

import mixot
import mixot.anndata as single_cell
from mixot import io, load
from mixot.cli import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run ``mixot`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words], prog_name="mixot")
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture
def cells(tmp_path, rng):
    """Two types in two conditions, as one file and as two."""
    which, late = np.arange(200) % 2, np.arange(200) >= 90
    obs = {"type": pd.Categorical(np.array(["T/4", "B"])[which]), "when": np.where(late, "late", "early")}
    adata = AnnData(np.zeros((200, 3)), obs=pd.DataFrame(obs, index=[f"c{i}" for i in range(200)]))
    adata.obsm["X_pca"] = rng.normal(np.stack([9.0 * which, 2.0 * late], axis=1), 0.5)
    adata.obsm["X_umap"] = rng.standard_normal((200, 2))
    adata.uns["type_colors"] = ["#123456", "#abcdef"]
    adata.write_h5ad(tmp_path / "both.h5ad")
    adata[~late].copy().write_h5ad(tmp_path / "early.h5ad")
    adata[late].copy().write_h5ad(tmp_path / "late.h5ad")
    return adata


def test_plan_of_two_files(run, cells):
    facts = json.loads(run("plan", "early.h5ad", "late.h5ad", "--rep", "X_pca", "--label", "type", "--json").stdout)
    early = cells.obs["when"] == "early"
    expected = single_cell.between(cells[early], cells[~early], labels="type", rng=0)
    assert facts["distance"] == pytest.approx(expected.plan.distance)
    found = {(flow["source"], flow["target"]): flow["mass"] for flow in facts["flows"]}
    for row in expected.table().itertuples():
        assert found[row.source, row.target] == pytest.approx(row.mass, abs=1e-12)
    assert facts["source"]["labels"] == [
        {"label": "B", "cells": 45, "growth": 1.0},
        {"label": "T/4", "cells": 45, "growth": 1.0},
    ]
    shown = run("plan", "early.h5ad", "late.h5ad", "--label", "type").stdout
    assert "early.h5ad (90 cells) to late.h5ad (110 cells), on X_pca" in shown
    assert "T/4" in shown
    assert "50.0 ± " in shown


def test_plan_of_one_file(run, cells):
    two, one = (
        json.loads(run("plan", *words, "--label", "type", "--json").stdout)
        for words in (("early.h5ad", "late.h5ad"), ("both.h5ad", "--groupby", "when"))
    )
    assert one["flows"] == two["flows"]
    back = run("plan", "both.h5ad", "--groupby", "when", "--source", "late", "--target", "early", "--json")
    assert json.loads(back.stdout)["source"]["rows"] == 110


def test_growth_of_types(run, cells):
    few = cells[(cells.obs["when"] == "late") | (cells.obs["type"] == "B") | (np.arange(200) % 8 == 0)].copy()
    few.write_h5ad("few.h5ad")
    facts = json.loads(run("plan", "few.h5ad", "--groupby", "when", "--label", "type", "--growth", "--json").stdout)
    counts = pd.crosstab(few.obs["when"], few.obs["type"], normalize="index")
    for label in facts["source"]["labels"]:
        expected = counts.loc["late", label["label"]] / counts.loc["early", label["label"]]
        assert label["growth"] == pytest.approx(expected, rel=0.02)


def test_plan_writes_tables_and_figures(run, cells):
    run("plan", "early.h5ad", "late.h5ad", "--label", "type", "-o", "flows.csv")
    table = pd.read_csv("flows.csv")
    assert list(table.columns) == ["source", "target", "mass", "share", "distance", "error"]
    assert table["mass"].sum() == pytest.approx(1.0)
    run("plan", "early.h5ad", "late.h5ad", "--label", "type", "-o", "flows.svg")
    text = Path("flows.svg").read_text(encoding="utf-8")
    assert "#123456" in text
    assert "#abcdef" in text
    run("plan", "both.h5ad", "--groupby", "when", "--label", "type", "-o", "flows.png")
    with Image.open("flows.png") as picture:
        assert picture.width > 500
    assert not plt.get_fignums()


def test_fit_of_cells(run, cells):
    shown = run("fit", "both.h5ad", "--rep", "X_pca", "-k", "2", "-o", "model.json").stdout
    assert "both.h5ad (cells: 2 components, dimension 2, fitted to 200 points)" in shown
    assert load("model.json").dim == 2
    facts = json.loads(run("fit", "both.h5ad", "--label", "type", "-o", "types.npz", "--json").stdout)
    assert facts["labels"] == ["B", "T/4"]
    by_type = load("types.npz")
    np.testing.assert_allclose(by_type.components.means[:, 0], [9.0, 0.0], atol=0.3)
    points = io.read("both.h5ad")
    assert facts["fit"]["log_likelihood"] == pytest.approx(by_type.log_density(points.points).mean())
    umap = json.loads(run("fit", "both.h5ad", "--rep", "X_umap", "-k", "1", "-o", "u.json", "--json").stdout)
    assert umap["fit"]["log_likelihood"] > -3.5


def test_other_commands_read_cells_on_their_principal_components(run, cells):
    facts = json.loads(run("distance", "early.h5ad", "late.h5ad", "-k", "1", "--json").stdout)
    assert facts["source"]["kind"] == "cells"
    assert facts["distance"] == pytest.approx(2.0, abs=0.3)
    run("map", "early.h5ad", "late.h5ad", "-k", "1", "-o", "moved.csv")
    table = io.read_table("moved.csv")
    assert table.columns == ("PC1", "PC2")
    assert len(table.values) == 90


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("plan early.h5ad late.h5ad --label celltype", 1, "no obs column 'celltype'; there are: type, when"),
        ("plan early.h5ad late.h5ad --label type --rep X_tsne", 1, "no obsm key 'X_tsne'; there are: X_pca, X_umap"),
        ("plan early.h5ad", 2, "name --groupby"),
        ("plan early.h5ad --label type", 1, "where does it go?"),
        ("plan early.h5ad late.h5ad --groupby when", 1, "--groupby splits one file"),
        ("plan both.h5ad --groupby when --source early --target never", 1, "target='never' is no group"),
        ("plan p.json late.h5ad --label type", 1, "are for annotated data"),
        ("fit a.csv --label type -o m.json", 1, "are for annotated data"),
        ("fit both.h5ad --columns a -o m.json", 1, "columns can be chosen from a table"),
        ("plan early.h5ad late.h5ad --label type -o flows.npy", 1, "cannot tell what to write"),
        ("fit missing.h5ad -o m.json", 1, "no such file"),
    ],
)
def test_bad_commands(words, code, said, run, cells):
    io.write_table("a.csv", np.eye(3), ["a", "b", "c"])
    mixot.save(mixot.Mixture([1.0], mixot.Gaussian([[0.0, 0.0]], [np.eye(2)])), "p.json")
    assert said in " ".join(run(*words.split(), code=code).output.split())


def test_facts_of_a_fit_of_cell_types(run, cells):
    facts = json.loads(run("fit", "both.h5ad", "--label", "type", "-o", "types.npz", "--json").stdout)
    types = load("types.npz")
    points = io.read("both.h5ad").points
    likelihood = types.log_density(points).mean()
    free = 2 * 5 + 1  # two means, two covariances, one weight
    criterion = -2 * likelihood + free * np.log(200) / 200
    words = "command path kind family k dim rows fitted_rows fit labels output notes"
    assert list(facts) == words.split()
    expected = {"status": "converged", "iterations": 1, "log_likelihood": pytest.approx(likelihood)}
    expected |= {"criterion": pytest.approx(criterion), "n_parameters": free, "observations": 200.0}
    expected |= {"bic": pytest.approx(200 * criterion), "aic": pytest.approx(2 * free - 2 * 200 * likelihood)}
    expected |= {"structure": "", "candidates": [], "notes": facts["fit"]["notes"]}
    assert facts["fit"] == expected
    shown = run("fit", "both.h5ad", "--label", "type", "-k", 2, "-o", "types.npz").stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "label weight PC1 PC2" in lines
    assert sum(line.startswith("B ") for line in lines) == 2  # two components of each type
    assert len(load("types.npz")) == 4


def test_coordinates_of_cells_are_called_by_their_representation(run, cells):
    for rep, names in (("X_pca", "PC1 PC2"), ("X_umap", "umap1 umap2")):
        shown = run("fit", "both.h5ad", "--rep", rep, "-k", 1, "-o", "m.json").stdout
        assert f"weight {names}" in " ".join(shown.split())
    frame = pd.DataFrame({"height": np.arange(200.0), "width": np.arange(200.0) % 7}, index=cells.obs_names)
    cells.obsm["sizes"] = frame
    cells.write_h5ad("sizes.h5ad")
    shown = run("fit", "sizes.h5ad", "--rep", "sizes", "-k", 1, "-o", "m.json").stdout
    assert "weight height width" in " ".join(shown.split())
    assert load("m.json").columns == ("height", "width")
    run("fit", "sizes.h5ad", "--rep", "sizes", "--label", "type", "-o", "m.json")
    assert load("m.json").columns == ("height", "width")


@pytest.fixture
def some_labelled(cells):
    """Eight cells without a label, in ``some.h5ad``."""
    types = cells.obs["type"].tolist()
    types[:8] = [None] * 8
    cells.obs["type"] = pd.Categorical(types)
    cells.write_h5ad("some.h5ad")


def test_cells_without_a_label_are_told_and_left_out(run, some_labelled):
    result = run("fit", "some.h5ad", "--label", "type", "-o", "m.json", "--json")
    notes = json.loads(result.stdout)["fit"]["notes"]
    assert any("8 of 200 points have no label" in note for note in notes)
    assert "note: some.h5ad: 8 of 200 points have no label" in result.stderr
    kept = load("m.json")
    np.testing.assert_allclose(kept.mean(), io.read("some.h5ad").points[8:].mean(axis=0), atol=1e-6)


def test_cells_without_a_label_are_told_once_of_a_plan(run, some_labelled):
    result = run("plan", "some.h5ad", "late.h5ad", "--label", "type", "--json")
    assert "have no label" in result.stderr
    assert len(set(result.stderr.splitlines())) == len(result.stderr.splitlines())  # each remark once
    facts = json.loads(result.stdout)
    assert sum(each["cells"] for each in facts["source"]["labels"]) == 192


def test_fields_of_a_plan_of_cell_types(run, cells, monkeypatch):
    made = []

    def seen(p, q, **options):
        made.append((single_cell.between(p, q, **options), options))
        return made[-1][0]

    monkeypatch.setattr("mixot.cli.cell_types.between", seen)
    facts = json.loads(run("plan", "early.h5ad", "late.h5ad", "--label", "type", "--seed", 3, "--json").stdout)
    [(found, options)] = made
    assert (options["labels"], options["rep"], options["rng"], options["growth"]) == ("type", "X_pca", 3, False)
    plan = found.plan
    whole = {"command": "plan", "distance": plan.distance, "cost": plan.cost, "lower_bound": plan.lower_bound}
    whole |= {"gap": plan.gap, "status": str(plan.status), "rep": "X_pca", "label": "type"}
    assert list(facts) == [*whole, "flows", "source", "target", "notes"]
    for name, value in whole.items():
        assert facts[name] == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value)
    assert [list(flow) for flow in facts["flows"]] == [list(found.table().columns)] * len(found.table())
    for side, name, rows in (("source", "early.h5ad", 90), ("target", "late.h5ad", 110)):
        told = facts[side]
        assert (told["place"], told["rows"], list(told)) == (name, rows, ["place", "rows", "labels", "notes"])


def test_cells_are_no_points_as_they_are(run, cells):
    io.write_table("a.csv", np.eye(3)[:, :2], ["a", "b"])
    for words, said in (
        ("fit both.h5ad --label type --method wasserstein -o m.json", "leave --method wasserstein out"),
        ("fit both.h5ad --counts n -o m.json", "--counts and --weights name columns of a table"),
        ("plan both.h5ad --groupby when --label type --columns a", "--columns and --k-max are not for cells"),
        ("plan both.h5ad --groupby when --label type --k-max 3", "--columns and --k-max are not for cells"),
        ("plan a.csv early.h5ad --groupby when", "are for annotated data"),
        ("distance a.csv early.h5ad --rep X_pca", "No such option"),
    ):
        code = 2 if "option" in said else 1
        assert said in " ".join(run(*words.split(), code=code).output.split())
