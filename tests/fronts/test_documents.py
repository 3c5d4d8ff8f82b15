"""What each command tells machines, whole: every field beside the value that the library gives, and nothing else."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mixot
from mixot import (
    OMT,
    AccuracyWarning,
    Gaussian,
    MinimumWasserstein,
    Mixture,
    MomentSOS,
    Samples,
    Status,
    io,
    load,
    save,
)
from mixot.cli import app
from mixot.cli.console import emit
from mixot.fitting.joint.component_choice import ComponentSearch, choose_components
from mixot.fitting.joint.joint_em import fit_pair
from mixot.imaging.color import transfer
from mixot.imaging.stipple import density, stipple
from mixot.transport.fixed_point import FixedPoint

P = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
Q = Mixture([0.5, 0.5], Gaussian([2.0, 3.0], [0.02, 0.1]))
SOURCE = {"path": "p.json", "kind": "model", "family": "gaussian", "k": 2, "dim": 1}
TARGET = SOURCE | {"path": "q.npz"}


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Run ``mixot`` with ``--json`` in a folder with two models, two tables and two pictures; what it prints."""
    monkeypatch.chdir(tmp_path)
    save(P, "p.json")
    save(Q, "q.npz")
    rng = np.random.default_rng(5)
    for name, shift in (("a", 0.0), ("b", 2.0)):
        table = rng.normal(size=(24, 2)) + shift + 6.0 * (np.arange(24) % 2)[:, None]
        io.write_table(f"{name}.csv", table, ["u", "v"])
        Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8)).save(f"{name}.png")

    def call(words):
        result = CliRunner().invoke(app, [*words.split(), "--json"], prog_name="mixot")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return call


def check(found, expected, place=""):
    """Whether two documents are the same, in the order of their fields, too; numbers up to rounding."""
    if isinstance(expected, dict):
        if not place and "notes" not in expected:  # what was told on the way: test_notes_of_answers.py
            found = {name: value for name, value in found.items() if name != "notes"}
        assert list(found) == list(expected), place
        for name, value in expected.items():
            check(found[name], value, f"{place}.{name}")
    elif isinstance(expected, list | tuple | np.ndarray):
        assert len(found) == len(expected), place
        for at, (one, other) in enumerate(zip(found, expected, strict=True)):
            check(one, other, f"{place}[{at}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9), place
    else:
        assert found == expected, place
        assert isinstance(found, bool) == isinstance(expected, bool | np.bool_), place


def of_candidate(tried):
    judged = {name: getattr(tried, name) for name in ("criterion", "bic", "aic")}
    return {"k": tried.k, **judged, "reason": tried.reason, "structure": tried.structure}


def of_fit(found, rows, **more):
    candidates = [of_candidate(each) for each in found.candidates]
    names = ("iterations", "log_likelihood", "criterion", "n_parameters", "observations", "bic", "aic", "structure")
    facts = {name: getattr(found, name) for name in names}
    fit = {"status": str(found.status), **facts, "candidates": candidates, "notes": list(found.notes), **more}
    rows_of = {"rows": rows, "fitted_rows": rows}
    return {"family": "gaussian", "k": len(found.mixture), "dim": found.mixture.dim, **rows_of, "fit": fit}


def of_table(path, found, **more):
    return {"path": path, "kind": "table", **of_fit(found, 24, **more)}


def of_points(path):
    return {"path": path, "kind": "table", "measure": "24 points", "dim": 2}


def of_plan(plan):
    return {"cost": plan.cost, "lower_bound": plan.lower_bound, "gap": plan.gap, "status": str(plan.status)}


def fitted(name, k):
    return mixot.fit(io.read(name), k=k, rng=0)


def watch(monkeypatch):
    """The options and the results of all fits that commands make from now on."""
    calls = []

    def seen(data, *method, **options):
        calls.append((options, mixot.fit(data, *method, **options)))
        return calls[-1][1]

    monkeypatch.setattr("mixot.cli.sources.fit", seen)
    return calls


def picture(name):
    return np.asarray(Image.open(name))


def test_fit(told):
    found = mixot.fit(io.read("a.csv"), method=mixot.EM(k_max=2), rng=3)
    expected = {"command": "fit", **of_table("a.csv", found), "output": "m.json"}
    check(told("fit a.csv --k-max 2 --seed 3 -o m.json"), expected)
    np.testing.assert_array_equal(load("m.json").weights, found.mixture.weights)
    expected = of_table("a.csv", mixot.fit(io.read("a.csv"), k=1, structure="diagonal", rng=0))
    check(told("fit a.csv -k 1 --structure diagonal -o m.json")["fit"], expected["fit"])


def number(value):
    return value if math.isfinite(value) else None


@pytest.mark.parametrize("name", ["w2", "tv"])
def test_fit_to_moments(name, told, monkeypatch):
    calls = watch(monkeypatch)
    facts = told(f"fit a.csv --columns u --method moments --distance {name} --order 2 -k 1")
    [(asked, found)] = calls
    assert (asked["k"], asked["rng"], asked["structure"]) == (1, 0, "full")
    assert asked["method"] == MomentSOS(distance=name, order=2)
    fields = ("order", "objective", "lower_bound", "flat")
    levels = [
        {name: getattr(level, name) for name in fields[:3]}
        | {
            "regularized": number(level.regularized),
            "status": str(level.status),
            "flat": level.flat,
            "ranks": list(level.ranks),
            "seconds": 0.0,
        }
        for level in found.hierarchy
    ]
    more = {"distance": name, "lower_bound": found.lower_bound, "regularized": number(found.regularized)}
    more |= {"regularizer": found.regularizer, "population": None, "region": found.region, "order": found.order}
    more |= {"flat": found.flat, "ranks": list(found.ranks), "hierarchy": levels}
    for level in facts["fit"]["hierarchy"]:
        assert 0 <= level["seconds"] < 60
        assert level["seconds"] == round(level["seconds"], 4)
        level["seconds"] = 0.0
    check(facts, {"command": "fit", **of_table("a.csv", found, **more)})


def test_fit_of_least_w2(told, monkeypatch):
    calls = watch(monkeypatch)
    facts = told("fit a.csv --method wasserstein -k 2 --seed 1")
    [(asked, found)] = calls
    assert (asked["k"], asked["rng"], type(asked["method"])) == (2, 1, MinimumWasserstein)
    names = ("distance", "lower_bound", "upper_bound", "start_distance", "residual")
    more = {name: getattr(found, name) for name in names} | {"points": 24}
    check(facts, {"command": "fit", **of_table("a.csv", found, **more)})


def test_fit_of_a_picture(told):
    facts = told("fit a.png -k 2 -o m.json")
    assert (facts["path"], facts["kind"], facts["rows"], facts["dim"]) == ("a.png", "picture", 54, 3)
    words = "command path kind family k dim rows fitted_rows fit output notes"
    assert list(facts) == words.split()


def test_distance(told):
    plan, interval = mixot.plan(P, Q), mixot.bounds(P, Q)
    w2 = {name: getattr(interval, name) for name in ("lower", "upper", "lower_by", "upper_by")}
    both = {"source": SOURCE, "target": TARGET}
    head = {"command": "distance", "distance": plan.distance}
    check(told("distance p.json q.npz"), {**head, "w2": w2, **of_plan(plan), **both})
    plan = mixot.plan(io.read("a.csv"), io.read("b.csv"))
    head = {"command": "distance", "distance": plan.distance, "exact": True}
    points = {"source": of_points("a.csv"), "target": of_points("b.csv")}
    check(told("distance a.csv b.csv --exact"), {**head, **of_plan(plan), **points})


def test_distance_to_a_picture(told):
    facts = told("distance a.png a.csv --bright")
    assert list(facts) == ["command", "distance", "exact", *of_plan(mixot.plan(P, Q)), "source", "target", "notes"]
    sheet = {"path": "a.png", "kind": "picture", "measure": "light of 9 x 6 pixels", "dim": 2}
    check(facts["source"], sheet)
    check(facts["target"], of_points("a.csv"))
    assert told("distance a.csv a.png")["target"]["measure"] == "darkness of 9 x 6 pixels"


def test_plan_between_components(told):
    plan = mixot.plan(P, Q)
    pairs = [
        {"source": i, "target": j, "mass": plan.coupling[i, j], "cost": plan.cost_matrix[i, j]}
        for i, j in np.argwhere(plan.coupling).tolist()
    ]
    both = {"source": SOURCE, "target": TARGET}
    head = {"command": "plan", "distance": plan.distance, "plan": pairs}
    check(told("plan p.json q.npz"), {**head, **of_plan(plan), **both})


@pytest.mark.parametrize("words", ["--lam 0.5 --eps 0.1 --rho 1,2", "--lam 1 --rho 3", "--lam auto"])
def test_smooth_plan(words, told):
    solvers = {
        "--lam 0.5 --eps 0.1 --rho 1,2": OMT(lam=0.5, eps=0.1, rho=(1.0, 2.0)),
        "--lam 1 --rho 3": OMT(lam=1.0, rho=3.0),
        "--lam auto": OMT(),
    }
    solver = solvers[words]
    plan = mixot.plan(P, Q, solver=solver)
    report = plan.stability()
    stability = {"second_singular_value": report.second_singular_value, "margin": report.margin}
    stability |= {"interaction": report.interaction if plan.lam > 0 else None}
    more = {"lam": plan.lam, "eps": plan.eps, "primal": plan.primal, "dual": plan.dual, "stability": stability}
    if solver.rho is not None:
        for name in ("created", "destroyed"):
            more[name] = dict(zip(("source", "target"), getattr(plan, name), strict=True))
    facts = told(f"plan p.json q.npz {words}")
    assert facts.pop("command") == "plan"
    del facts["plan"]
    check(facts, {"distance": plan.distance, **of_plan(plan), **more, "source": SOURCE, "target": TARGET})


def test_plan_of_cells(told):
    grid = density(picture("a.png"))
    points = io.read("a.csv")
    plan = mixot.plan(points, grid)
    facts = told("plan a.csv a.png")
    moved = np.linalg.norm(plan.centroids - points.points, axis=1)
    assert [*facts["plan"][0]] == ["point", "mass", "center u", "center v", "moved", "potential"]
    assert [cell["point"] for cell in facts["plan"]] == list(range(24))
    np.testing.assert_allclose([cell["moved"] for cell in facts["plan"]], moved, atol=1e-6)
    assert facts["notes"] == list(plan.notes)


def test_geodesic(told):
    steps = [{"t": t, "model": f"path/step-{at}.json"} for at, t in enumerate((0.0, 0.5, 1.0))]
    head = {"command": "geodesic", "distance": mixot.distance(P, Q), "steps": steps}
    both = {"source": SOURCE, "target": TARGET}
    check(told("geodesic p.json q.npz --steps 3 -o path"), {**head, "figure": "path/geodesic.png", **both})
    files = [step["model"] for step in told("geodesic p.json q.npz --steps 11 -o path")["steps"]]
    assert files == sorted(files)
    assert files[0] == "path/step-00.json"


def test_map(told):
    p, q = fitted("a.csv", 2), fitted("b.csv", 2)
    both = {"source": of_table("a.csv", p), "target": of_table("b.csv", q)}
    apart = mixot.distance(p.mixture, q.mixture)
    head = {"command": "map", "kind": "random", "rows": 24, "output": "moved.npy", "distance": apart}
    check(told("map a.csv b.csv -k 2 --kind random -o moved.npy"), {**head, **both})
    random = mixot.transport_map(p.mixture, q.mixture, kind="random")
    np.testing.assert_allclose(np.load("moved.npy"), random.sample(io.read("a.csv").points, rng=0))


def test_map_to_a_model(told):
    save(Mixture([1.0], Gaussian([[5.0, 5.0]], [np.eye(2)])), "m.json")
    facts = told("map a.csv m.json --exact -o moved.csv")
    plan = mixot.plan(io.read("a.csv"), load("m.json"))
    model = {"path": "m.json", "kind": "model", "measure": "1 component", "dim": 2}
    both = {"source": of_points("a.csv"), "target": model}
    head = {"command": "map", "kind": "mean", "rows": 24, "output": "moved.csv", "exact": True}
    expected = {**head, "distance": plan.distance, **of_plan(plan), **both, "notes": list(plan.notes)}
    for name in ("gap", "lower_bound", "cost"):
        assert facts[name] == pytest.approx(expected[name], abs=1e-6)
        expected[name] = facts[name]
    check(facts, expected)


@pytest.mark.parametrize("k", [None, 2])
def test_barycenter(k, told):
    found = mixot.barycenter([P, Q], [0.25, 0.75], solver=None if k is None else FixedPoint(k=k))
    head = {"command": "barycenter", "objective": found.objective, "lower_bound": found.lower_bound, "gap": found.gap}
    mixture = {"status": str(found.status), "family": "gaussian", "k": len(found.mixture), "dim": 1}
    plan = {"weights": [0.25, 0.75], "tuples": found.tuples, "masses": found.plan.weights, "labels": found.labels}
    files = {"inputs": [SOURCE, TARGET], "output": "mean.json", "figure": "mean.png"}
    most = "" if k is None else f"-k {k}"
    facts = told(f"barycenter p.json q.npz --weights .25 .75 {most} -o mean.json")
    check(facts, {**head, **mixture, **{name: np.asarray(part).tolist() for name, part in plan.items()}, **files})


def test_joint(told):
    found = fit_pair(io.read("a.csv"), io.read("b.csv"), lam=3.0, k=2, rng=0)
    head = {"command": "joint", "lam": 3.0, "objective": found.objective, "distance": found.distance}
    head |= {"status": str(found.status), "iterations": found.iterations}
    sides = {
        side: {"path": path, "model": f"pair/{side}.json", "log_likelihood": likelihood, **of_mixture(2, 2)}
        for side, path, likelihood in zip(("source", "target"), ("a.csv", "b.csv"), found.log_likelihoods, strict=True)
    }
    check(told("joint a.csv b.csv -k 2 --lam 3 -o pair"), {**head, **sides, "notes": list(found.notes)})
    assert mixot.distance(load("pair/source.json"), found.source) < 1e-6
    assert mixot.distance(load("pair/target.json"), found.target) < 1e-6


def of_mixture(k, dim):
    return {"family": "gaussian", "k": k, "dim": dim}


def test_components(told):
    search = ComponentSearch(splits=2, solver=OMT(lam=2.0))
    found = choose_components(io.read("a.csv"), io.read("b.csv"), ks=range(1, 3), method=search, rng=1)
    names = ("k", "l", "excess", "excess_error", "instability", "instability_error")
    names += ("second_singular_value", "likely")
    rows = [{name: getattr(each, name) for name in names} for each in found.candidates]
    head = {"command": "components", "k": found.k, "l": found.l, "lam": 2.0, "cost": found.plan.cost}
    sides = {}
    for side, path, fit in zip(("source", "target"), ("a.csv", "b.csv"), found.fits, strict=True):
        facts = of_fit(fit, 24)
        sides[side] = {"path": path, "model": f"choice/{side}.json", **of_mixture(facts["k"], 2), "fit": facts["fit"]}
    files = {"table": "choice/candidates.csv", "figure": "choice/components.png"}
    words = "components a.csv b.csv --k-max 2 --splits 2 --lam 2 --seed 1 -o choice"
    check(told(words), {**head, "candidates": rows, **sides, **files})
    table = io.read_table("choice/candidates.csv")
    assert table.columns == names
    np.testing.assert_allclose(table.values, [[float(row[name]) for name in names] for row in rows], rtol=1e-6)


def test_recolor(told):
    facts = {"command": "recolor", "photo": "a.png", "palette": "b.png", "output": "c.png", "width": 9, "height": 6}
    natural = {"map": "random", "strength": 1.0, "keep": None, "gain": None}
    options = {"kind": "random", "space": "lab", "k": 2, "smooth": 2.0} | natural
    check(told("recolor a.png --palette b.png -k 2 --kind random --space lab --smooth 2 -o c.png"), facts | options)
    options = {"kind": "mean", "space": "rgb", "k": 3, "smooth": None} | natural | {"map": "mean"}
    check(told("recolor a.png --palette b.png -k 3 --seed 4 -o c.png"), facts | options)
    expected = transfer(picture("a.png"), picture("b.png"), k=3, rng=np.random.default_rng(4))
    assert np.abs(picture("c.png").astype(int) - np.asarray(expected, dtype=int)).max() <= 1


def test_quantize(told):
    found = stipple(picture("a.png"), 7, gamma=2.0, rng=4).quantization
    facts = {"command": "quantize", "photo": "a.png", "output": "dots.csv", "points": 7, "distance": found.distance}
    facts |= {"status": str(found.status), "iterations": found.iterations}
    check(told("quantize a.png -n 7 --gamma 2 --seed 4 -o dots.csv"), facts)


def test_what_json_has_no_word_for_is_null_and_named(capsys):
    document = {"a": [{"b": math.inf}, {"b": 1.0}, {"b": math.nan}], "c": {"d": (-math.inf, "x")}, "notes": ["first"]}
    emit(document)
    printed = capsys.readouterr()
    note = "infinite, or not a number, and null here: a.b, c.d"
    found = json.loads(printed.out)
    check(found, {"a": [{"b": None}, {"b": 1.0}, {"b": None}], "c": {"d": [None, "x"]}, "notes": ["first", note]})
    assert printed.err == f"note: {note}\n"
    emit({"a": 2.0})
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == ({"a": 2.0, "notes": []}, "")


def test_points_of_a_table_are_one_measure_whatever_says_how_they_count(told):
    """A column of counts is no coordinate; the points of the other side have their columns in the same order."""
    rng = np.random.default_rng(2)
    x, y, times = rng.normal(size=(12, 2)), rng.normal(size=(15, 2)) + 3.0, rng.integers(1, 4, 12).astype(float)
    often = rng.integers(1, 4, 15).astype(float)
    io.write_table("x.csv", np.c_[x, times], ["u", "v", "n"])
    io.write_table("y.csv", np.c_[often, y[:, ::-1]], ["n", "v", "u"])
    facts = told("joint x.csv y.csv --counts n -k 1 --lam 1 -o pair")
    found = fit_pair(Samples(x, counts=times), Samples(y, counts=often), lam=1.0, k=1, rng=0)
    assert facts["distance"] == pytest.approx(found.distance, rel=1e-9)
    assert facts["source"]["log_likelihood"] == pytest.approx(found.log_likelihoods[0], rel=1e-9)
    assert facts["target"]["log_likelihood"] == pytest.approx(found.log_likelihoods[1], rel=1e-9)
    told("joint x.csv y.csv --weights n -k 1 --lam 1 -o pair")
    found = fit_pair(Samples(x, times / times.sum()), Samples(y, often / often.sum()), lam=1.0, k=1, rng=0)
    assert mixot.distance(load("pair/target.json"), found.target) < 1e-6


def refused(words, code=1):
    result = CliRunner().invoke(app, words.split(), prog_name="mixot")
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_options_that_do_not_fit_are_refused_in_words(told):
    for words, said in (
        ("fit a.csv --rep X -o m.json", "a.csv: --rep and --label are for annotated data"),
        ("fit p.json -o m.json", "p.json: already a model"),
        ("fit a.png --weights u -o m.json", "a.png: --counts and --weights name columns of a table"),
        ("fit a.png --columns u -o m.json", "a.png: columns can be chosen from a table"),
        ("fit a.png --method moments", "a.png: --method moments is for tables"),
        ("fit a.csv --counts u --weights v -o m.json", "give one of them"),
        ("fit a.csv --counts w -o m.json", "a.csv: no column 'w' beside the data; columns are u, v"),
        ("fit a.csv --columns u --counts u -o m.json", "a.csv: "),
        ("fit a.csv --counts u -o m.json", "a.csv: column u: counts must be whole numbers"),
        ("joint a.png a.csv --counts u --lam 1 -o pair", "a.png: --counts and --weights name columns of a table"),
        ("joint p.json a.csv --lam 1 -o pair", "p.json: a model has no points to move"),
        ("fit a.csv -k 1 --k-max 2 -o m.json", "give one of the two"),
        ("distance a.csv b.csv --exact --k-max 2", "-k and --k-max are for fits"),
        ("distance p.json a.csv --exact", "both must have as many coordinates, got 1 in p.json and 2 in a.csv"),
        ("distance a.csv b.csv --bright", "--bright says how a picture is a density"),
        ("barycenter p.json q.npz --weights .5,x -o m.json", "--weights must be numbers, got .5,x"),
        ("barycenter p.json q.npz --weights 1 -o m.json", "one number for each of the 2 inputs, got 1"),
        ("barycenter p.json q.npz -o m.json --figure m.csv", "use one of .png .svg .pdf"),
        ("plan p.json q.npz -o plan.json", "cannot tell what to write"),
        ("quantize a.png -o dots.json", "cannot tell what to write"),
        ("recolor a.png --palette b.png -o c.csv", "cannot tell what to write"),
        ("map p.json q.npz --points a.csv -o moved.json", "cannot tell what to write"),
        ("components a.csv b.csv --k-min 3 --k-max 2 -o .", "--k-min 3 is above --k-max 2"),
    ):
        assert said in refused(words), words
    for words in ("plan p.json", "plan p.json q.npz --rho 1,2,3", "plan p.json q.npz --lam x"):
        refused(words, code=2)


def test_columns_of_two_tables_are_matched_by_name(told):
    b = io.read_table("b.csv")
    io.write_table("turned.csv", b.values[:, ::-1], ["v", "u"])
    io.write_table("other.csv", b.values, ["u", "z"])
    io.write_table("more.csv", np.c_[b.values, b.values[:, 0]], ["u", "v", "w"])
    np.savetxt("bare.csv", b.values, delimiter=",")
    straight = told("distance a.csv b.csv --exact")["distance"]
    for name in ("turned", "bare"):
        result = CliRunner().invoke(app, ["distance", "a.csv", f"{name}.csv", "--exact", "--json"], prog_name="mixot")
        assert json.loads(result.stdout)["distance"] == pytest.approx(straight, rel=1e-9)
        assert result.stderr == ""
    assert "other.csv" in refused("distance a.csv other.csv --exact")
    told("map a.csv turned.csv -k 1 --points turned.csv -o moved.csv")
    assert io.read_table("moved.csv").columns == ("u", "v")
    asked = told("distance a.csv turned.csv --exact --columns u,v")["distance"]
    assert asked == pytest.approx(straight, rel=1e-9)
    assert "got 2 in a.csv and 3 in more.csv" in refused("distance a.csv more.csv --exact")


def test_what_a_fit_gave_up_is_told_on_one_line(told, monkeypatch):
    found = mixot.fit(io.read("a.csv"), k=2, rng=0)
    assert found.status.solved
    calls = []

    def stopped(data, *method, **options):
        calls.append(options)
        warnings.warn("the same as the notes", AccuracyWarning, stacklevel=2)
        return replace(found, status=Status.MAX_ITER, notes=("first", "second"))

    monkeypatch.setattr("mixot.cli.sources.fit", stopped)
    result = CliRunner().invoke(app, ["fit", "a.csv", "-k", "2", "-o", "m.json", "--json"], prog_name="mixot")
    advice = "note: a.csv: the fit stopped at the iteration limit"  # the command has no option that raises it
    assert result.stderr.splitlines() == ["note: a.csv: first", "note: a.csv: second", advice]
    assert calls[0]["progress"] is None
    monkeypatch.setattr(
        "mixot.cli.sources.fit",
        lambda data, *method, **options: replace(
            found, status=Status.MAX_ITER, notes=(f"the fit {Status.MAX_ITER.advice}",)
        ),
    )
    result = CliRunner().invoke(app, ["fit", "a.csv", "-k", "2", "-o", "m.json", "--json"], prog_name="mixot")
    assert result.stderr.splitlines() == [advice]  # once
