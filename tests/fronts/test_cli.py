"""Every command end to end: what it prints for people and machines, what it writes, how it ends."""

import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mixot
from mixot import Gaussian, Mixture, SolveError, io, load, save
from mixot.cli import app

P = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
Q = Mixture([0.5, 0.5], Gaussian([2.0, 3.0], [0.02, 0.1]))


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
def data(tmp_path, rng):
    """Two tables, two pictures and two models."""
    for name, center in (("a", [0, 0]), ("b", [3, 1])):
        points = rng.standard_normal((40, 2)) * [1.0, 0.3] + np.array(center)
        io.write_table(tmp_path / f"{name}.csv", points, ["length", "width"])
        colors = np.clip(rng.normal(0.3 + 0.1 * np.array([center[0], 1, 2]), 0.08, (12, 10, 3)), 0, 1)
        Image.fromarray((255 * colors).astype(np.uint8)).save(tmp_path / f"{name}.png")
    save(P, tmp_path / "p.json")
    save(Q, tmp_path / "q.npz")
    return tmp_path


def read_json(result):
    return json.loads(result.stdout)


def test_fit_writes_a_model(run, data):
    result = run("fit", "a.csv", "-o", "model.json", "-k", 1)
    assert "a.csv (table: 1 component, dimension 2, fitted to 40 points)" in result.stdout
    points = io.read(data / "a.csv")
    np.testing.assert_allclose(load("model.json").mean(), points.mean(), rtol=1e-9)


def test_fit_for_machines(run, data):
    facts = read_json(run("fit", "a.csv", "-o", "model.npz", "-k", 2, "--seed", 3, "--json"))
    assert facts["command"] == "fit"
    assert (facts["k"], facts["dim"], facts["rows"]) == (2, 2, 40)
    assert facts["fit"]["log_likelihood"] < 0
    assert facts["output"] == "model.npz"
    assert len(load("model.npz")) == 2


def test_fit_by_moments_shows_what_is_proven(run, data):
    shown = run("fit", "a.csv", "--method", "moments", "--distance", "tv", "--order", 2).stdout
    assert "total variation at least" in shown
    assert "order 2:" in shown
    assert "flat" in shown
    facts = read_json(run("fit", "a.csv", "--method", "moments", "--distance", "w2", "--order", 2, "-k", 1, "--json"))
    assert (facts["k"], facts["fit"]["distance"], facts["fit"]["order"]) == (1, "w2", 2)
    assert facts["fit"]["lower_bound"] >= 0
    assert [level["order"] for level in facts["fit"]["hierarchy"]] == [2]
    assert "output" not in facts
    assert (
        "--order is an option of --method moments" in run("fit", "a.csv", "--order", 3, "-o", "m.json", code=1).output
    )
    assert "is for tables" in run("fit", "a.png", "--method", "moments", code=1).output


def test_fit_of_least_w2_shows_the_distance(run, data):
    shown = run("fit", "a.csv", "--method", "wasserstein", "-k", 2).stdout
    for words in ("W2 ", "where it started", "W2 at least", "W2 at most", "log-likelihood"):
        assert words in shown
    facts = read_json(run("fit", "a.csv", "--method", "wasserstein", "-k", 2, "-o", "m.json", "--json"))
    found = facts["fit"]
    assert (facts["k"], found["points"], facts["output"]) == (2, 40, "m.json")
    assert found["lower_bound"] <= found["upper_bound"]
    assert found["distance"] <= found["start_distance"]
    assert found["residual"] < 1e-3
    points = mixot.Samples(io.read(data / "a.csv").points)
    assert mixot.distance(points, load("m.json")) == pytest.approx(found["distance"], rel=1e-6)
    chosen = read_json(run("fit", "a.csv", "--method", "wasserstein", "--k-max", 2, "--structure", "tied", "--json"))
    assert [c["k"] for c in chosen["fit"]["candidates"]] == [1, 2]


def test_fit_of_least_w2_to_the_colors_of_a_picture(run, data):
    facts = read_json(run("fit", "a.png", "--method", "wasserstein", "-k", 2, "-o", "m.json", "--json"))
    assert (facts["kind"], facts["k"], facts["dim"], facts["rows"]) == ("picture", 2, 3, 120)
    found = facts["fit"]
    assert found["distance"] <= found["start_distance"]
    colors = io.read_picture(data / "a.png").samples()
    assert mixot.distance(colors, load("m.json")) == pytest.approx(found["distance"], rel=1e-4)


def test_options_of_one_method_are_not_for_another(run, data):
    for method in ("em", "wasserstein"):
        for option, value in (("--order", 3), ("--distance", "tv")):
            said = run("fit", "a.csv", "--method", method, option, value, "-o", "m.json", code=1).output
            assert f"{option} is an option of --method moments" in " ".join(said.split())
    four = np.arange(40.0).reshape(10, 4) % 7
    io.write_table(data / "wide.csv", four, list("abcd"))
    assert "dimension 1 to 3" in run("fit", "wide.csv", "--method", "wasserstein", "-k", 1, code=1).output


def test_fit_chooses_k(run, data):
    facts = read_json(run("fit", "a.csv", "-o", "model.json", "--k-max", 3, "--json"))
    assert 1 <= facts["k"] <= 3
    assert [c["k"] for c in facts["fit"]["candidates"]] == [1, 2, 3]
    run("fit", "a.csv", "-o", "model.json", "-k", 2, "--k-max", 3, code=1)


@pytest.mark.parametrize("structure", ["full", "diagonal", "spherical", "tied"])
def test_fit_knows_the_structures(structure, run, data):
    run("fit", "a.csv", "-o", "model.json", "-k", 2, "--structure", structure)
    covs = load("model.json").components.cov()
    assert np.all(covs[:, 0, 1] == 0) == (structure in ("diagonal", "spherical"))
    if structure == "tied":
        np.testing.assert_array_equal(covs[0], covs[1])


def test_fits_are_repeatable(run, data):
    for name in ("one.json", "two.json"):
        run("fit", "a.csv", "-o", name, "-k", 2, "--seed", 5)
    assert (data / "one.json").read_bytes() == (data / "two.json").read_bytes()


def test_distance_of_models(run, data):
    facts = read_json(run("distance", "p.json", "q.npz", "--json"))
    assert facts["distance"] == pytest.approx(mixot.distance(P, Q), rel=1e-12)
    assert facts["w2"]["lower"] <= facts["w2"]["upper"] <= facts["distance"] * (1 + 1e-12)
    assert facts["gap"] >= -1e-12
    assert facts["status"] == "optimal"
    people = run("distance", "p.json", "q.npz").stdout
    assert f"{mixot.distance(P, Q):.6f}"[:7] in people
    assert "W2 at least" in people


@pytest.mark.parametrize(("a", "b"), [("a.csv", "b.csv"), ("a.png", "b.png"), ("a.csv", "a.csv")])
def test_distance_fits_what_is_no_model(a, b, run, data):
    facts = read_json(run("distance", a, b, "-k", 1, "--json"))
    if a == b:
        assert facts["distance"] == pytest.approx(0, abs=1e-6)
        return
    p, q = io.read(data / a), io.read(data / b)
    assert facts["distance"] >= np.linalg.norm(p.mean() - q.mean()) - 1e-4
    assert facts["source"]["kind"] == ("table" if a.endswith("csv") else "picture")


def test_grey_and_color_pictures_meet(run, data):
    Image.open(data / "a.png").convert("L").save(data / "grey.png")
    assert read_json(run("distance", "grey.png", "b.png", "-k", 1, "--json"))["source"]["dim"] == 3


def test_columns_meet_by_name(run, data):
    table = io.read_table(data / "b.csv")
    io.write_table(data / "swapped.csv", table.values[:, ::-1], table.columns[::-1])
    straight, swapped = (read_json(run("distance", "a.csv", b, "-k", 1, "--json")) for b in ("b.csv", "swapped.csv"))
    assert swapped["distance"] == pytest.approx(straight["distance"], rel=1e-9)
    io.write_table(data / "renamed.csv", table.values, ["u", "v"])
    io.write_table(data / "bare.npy", table.values)
    bare = read_json(run("distance", "a.csv", "bare.npy", "-k", 1, "--json"))
    assert bare["distance"] == pytest.approx(straight["distance"], rel=1e-9)  # without names, by position
    with pytest.raises(mixot.InputError, match="both must have the columns 'length', 'width', got a table without"):
        mixot.distance(io.read(data / "a.csv"), io.read(data / "renamed.csv"))
    run("fit", "a.csv", "-k", 1, "-o", "named.json")
    for words in (
        "distance a.csv renamed.csv",
        "distance renamed.csv named.json",
        "distance a.csv renamed.csv --exact",
        "plan named.json renamed.csv --exact",
        "map a.csv b.csv -k 1 --points renamed.csv -o moved.csv",
        "geodesic a.csv renamed.csv -o path",
        "barycenter a.csv b.csv renamed.csv -o mean.json",
        "joint a.csv renamed.csv -k 1 --lam 1 -o pair",
        "components a.csv renamed.csv -o choice",
    ):
        failed = run(*words.split(), code=1)
        assert "must have the columns" in failed.stderr, words
        assert "renamed.csv" in failed.stderr, words


def test_columns_are_chosen(run, data):
    facts = read_json(run("distance", "a.csv", "b.csv", "-k", 1, "--columns", "width", "--json"))
    assert facts["source"]["dim"] == 1


def test_plan_lists_every_pair(run, data):
    facts = read_json(run("plan", "p.json", "q.npz", "-o", "plan.csv", "--json"))
    mass = np.zeros((2, 2))
    for entry in facts["plan"]:
        mass[entry["source"], entry["target"]] = entry["mass"]
    np.testing.assert_allclose(mass.sum(axis=1), P.weights)
    np.testing.assert_allclose(mass.sum(axis=0), Q.weights)
    assert sum(e["mass"] * e["cost"] for e in facts["plan"]) == pytest.approx(facts["cost"])
    table = io.read_table("plan.csv")
    assert table.columns == ("source", "target", "mass", "cost")
    assert len(table.values) == len(facts["plan"])
    assert "mass" in run("plan", "p.json", "q.npz").stdout


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plan_draws(suffix, run, data):
    run("plan", "p.json", "q.npz", "-o", f"plan.{suffix}")
    assert (data / f"plan.{suffix}").stat().st_size > 1000


def test_geodesic_writes_the_path_and_its_figure(run, data):
    facts = read_json(run("geodesic", "p.json", "q.npz", "--steps", 5, "-o", "path", "--json"))
    written = sorted(path.name for path in (data / "path").iterdir())
    assert written == ["geodesic.png", *(f"step-{i}.json" for i in range(5))]
    assert [step["t"] for step in facts["steps"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    half = load(facts["steps"][2]["model"])
    for end in (P, Q):
        assert mixot.distance(end, half) == pytest.approx(facts["distance"] / 2, rel=1e-9)
    run("geodesic", "p.json", "q.npz", "--steps", 2, "-o", "path")  # into a folder that is there


def test_map_moves_the_points_of_a(run, data):
    facts = read_json(run("map", "a.csv", "b.csv", "-o", "moved.csv", "-k", 1, "--json"))
    moved, target = io.read_table("moved.csv"), io.read(data / "b.csv")
    assert moved.columns == ("length", "width")
    assert facts["rows"] == len(moved.values) == 40
    np.testing.assert_allclose(moved.values.mean(axis=0), target.mean(), atol=1e-6)
    run("map", "a.csv", "b.csv", "-o", "drawn.npy", "-k", 2, "--kind", "random")
    assert io.read("drawn.npy").points.shape == (40, 2)


def test_map_moves_other_points_with_models(run, data):
    np.save(data / "x.npy", np.linspace(-1, 1, 7))
    run("map", "p.json", "q.npz", "--points", "x.npy", "-o", "moved.csv")
    expected = mixot.transport_map(P, Q)(np.linspace(-1, 1, 7)[:, None])
    np.testing.assert_allclose(io.read("moved.csv").points, expected, rtol=1e-12)
    assert "no points to move" in run("map", "p.json", "q.npz", "-o", "moved.csv", code=1).stderr


@pytest.mark.parametrize("options", [[], ["--kind", "random"], ["--space", "lab"], ["--smooth", "3"]])
def test_recolor(options, run, data):
    facts = read_json(run("recolor", "a.png", "--palette", "b.png", "-o", "out.png", "-k", 1, "--json", *options))
    assert (facts["width"], facts["height"]) == (10, 12)
    out, palette = (io.read(data / name).mean() for name in ("out.png", "b.png"))
    np.testing.assert_allclose(out, palette, atol=0.03)


def test_recolor_takes_a_model_as_palette(run, data):
    run("fit", "b.png", "-o", "palette.json", "-k", 1)
    run("recolor", "a.png", "--palette", "palette.json", "-o", "out.jpg", "-k", 1)
    np.testing.assert_allclose(io.read(data / "out.jpg").mean(), io.read(data / "b.png").mean(), atol=0.03)


def test_version_and_help(run):
    assert run("--version").stdout == f"mixot {mixot.__version__}\n"
    text = run("--help").stdout
    verbs = "fit", "distance", "plan", "geodesic", "barycenter", "map"
    for command in (*verbs, "joint", "components", "test", "recolor", "quantize", "texture"):
        assert f"{command} " in text
        assert "--json" in run(command, "--help").stdout


@pytest.mark.parametrize("line", ["distance", "nonsense", "fit", "plan p.json q.npz -k x", "map p.json q.npz"])
def test_wrong_usage_is_two(line, run, data):
    run(*line.split(), code=2)


def test_a_solver_that_gives_up_is_three(run, data, monkeypatch):
    def give_up(*_, **__):
        raise SolveError("the linear program did not finish")

    monkeypatch.setattr("mixot.verbs.plan", give_up)
    result = run("plan", "p.json", "q.npz", "--json", code=3)
    assert result.stdout == ""
    assert result.stderr == "error: the linear program did not finish\n"


def mixot_process(*words, folder, code=0):
    command = [sys.executable, "-m", "mixot", *map(str, words)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result


def test_a_real_process(data):
    result = mixot_process("distance", "p.json", "q.npz", "--json", folder=data)
    assert json.loads(result.stdout)["distance"] == pytest.approx(mixot.distance(P, Q), rel=1e-12)
    assert result.stderr == ""
    result = mixot_process("distance", "p.json", "missing.csv", "--json", folder=data, code=1)
    assert result.stdout == ""
    assert result.stderr == "error: missing.csv: no such file\n"
    mixot_process("distance", "p.json", folder=data, code=2)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from mixot.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'scipy', 'ot', 'matplotlib', 'PIL', 'torch') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


R = Mixture([0.4, 0.6], Gaussian([-1.0, 4.0], [0.5, 0.3]))


@pytest.mark.parametrize("weights", [".2 .3 .5", ".2,.3,.5", None])
def test_barycenter_of_models(weights, run, data):
    save(R, "r.json")
    shares = [] if weights is None else ["--weights", *weights.split()]
    words = ["p.json", "q.npz", "r.json", *shares, "-o", "mean.json"]
    facts = read_json(run("barycenter", *words, "--json"))
    expected = mixot.barycenter([P, Q, R], None if weights is None else [0.2, 0.3, 0.5])
    assert facts["objective"] == pytest.approx(expected.objective, rel=1e-12)
    assert facts["weights"] == pytest.approx(expected.weights.tolist())
    assert facts["lower_bound"] <= facts["objective"]
    assert mixot.distance(load("mean.json"), expected.mixture) < 1e-7
    assert facts["status"] == "optimal"
    people = run("barycenter", *words).stdout
    assert "r.json (model: 2 components, dimension 1)" in people
    assert "proven" in people


def test_barycenter_takes_weights_anywhere(run, data):
    one, other = (
        read_json(run("barycenter", *line.split(), "--json"))
        for line in ("--weights .25 .75 p.json q.npz -o m.json", "p.json -o m.json q.npz --weights=.25 --weights .75")
    )
    assert one["objective"] == other["objective"]
    assert one["weights"] == [0.25, 0.75]


def test_barycenter_of_tables_and_pictures_with_few_components(run, data):
    facts = read_json(run("barycenter", "a.csv", "b.csv", "-k", 2, "-o", "mean.npz", "--json"))
    assert facts["k"] == len(load("mean.npz")) == 2
    assert [source["k"] for source in facts["inputs"]] == [2, 2]
    assert facts["gap"] >= -1e-9
    few = read_json(run("barycenter", "a.csv", "b.csv", "-k", 1, "--fit-components", 3, "-o", "m.json", "--json"))
    assert (few["k"], [source["k"] for source in few["inputs"]]) == (1, [3, 3])
    colors = read_json(run("barycenter", "a.png", "b.png", "--fit-components", 1, "-o", "m.json", "--json"))
    assert (colors["k"], colors["dim"]) == (1, 3)


def test_barycenter_draws(run, data):
    facts = read_json(run("barycenter", "p.json", "q.npz", "-o", "m.json", "--figure", "mean.png", "--json"))
    assert facts["figure"] == "mean.png"
    with Image.open("mean.png") as picture:
        assert picture.width > 500
    run("barycenter", "a.csv", "b.csv", "-k", 2, "-o", "of-tables.json", "--figure", "mean.svg")
    assert "length" in (data / "mean.svg").read_text()  # the columns' names stand at the axes
    assert read_json(run("barycenter", "p.json", "q.npz", "-o", "m.json", "--json"))["figure"] == "m.png"
    assert not plt.get_fignums()


def test_barycenter_matches_columns_of_all_tables(run, data):
    table = io.read_table(data / "b.csv")
    io.write_table(data / "swapped.csv", table.values[:, ::-1], table.columns[::-1])
    straight, swapped = (
        read_json(run("barycenter", "a.csv", name, "--fit-components", 1, "-o", "m.json", "--json"))
        for name in ("b.csv", "swapped.csv")
    )
    assert swapped["objective"] == pytest.approx(straight["objective"], rel=1e-9)


def test_joint_writes_both_models(run, data):
    far, near = (
        read_json(run("joint", "a.csv", "b.csv", "-k", 2, "--lam", lam, "-o", "pair", "--json")) for lam in (1e6, 1e-3)
    )
    assert far["distance"] > near["distance"]
    assert mixot.distance(load("pair/source.json"), load("pair/target.json")) == pytest.approx(near["distance"])
    assert near["source"]["k"] == 2
    assert "nats per row" in run("joint", "a.png", "b.png", "-k", 1, "--lam", 1, "-o", "pair").stdout


def test_a_command_says_when_newton_gave_up(tmp_path):
    picture = np.zeros((64, 64), np.uint8)
    picture[5, 7], picture[50, 40], picture[20, 60], picture[33, 2] = 80, 160, 240, 80
    Image.fromarray(picture).save(tmp_path / "stars.png")
    io.write_table(tmp_path / "points.csv", list(64 * np.random.default_rng(0).random((300, 2)).T), ["x", "y"])
    words = "distance", "points.csv", "stars.png", "--bright"
    told = mixot_process(*words, folder=tmp_path)
    assert "note: damped Newton's method gave up" in " ".join(told.stderr.split())
    facts = json.loads(
        mixot_process("distance", "points.csv", "stars.png", "--bright", "--json", folder=tmp_path).stdout
    )
    assert "Levenberg" in facts["notes"][0]
    picture[:] += 1
    Image.fromarray(np.maximum(picture, 20)).save(tmp_path / "sky.png")
    facts = json.loads(mixot_process("distance", "points.csv", "sky.png", "--json", folder=tmp_path).stdout)
    assert facts["notes"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("distance", "a.csv", "b.csv"),
        ("plan", "a.csv", "b.csv"),
        ("geodesic", "a.csv", "b.csv", "-o", "path"),
        ("map", "a.csv", "b.csv", "-o", "moved.csv"),
        ("barycenter", "a.csv", "b.csv", "-o", "mean.json"),
    ],
    ids=lambda words: words[0],
)
def test_a_number_of_components_and_the_largest_one(words, run, data):
    rng = np.random.default_rng(1)
    for name in ("a", "b"):  # three groups
        values = rng.normal(np.repeat([0.0, 3.0, 9.0], 20), 0.1)
        io.write_table(data / f"{name}.csv", values[:, None], ["x"])
    for options, expected in ((("-k", 2), 2), (("--k-max", 1), 1), (("--k-max", 5), 3)):
        told = read_json(run(*words, *options, "--json"))
        assert told["command"] == words[0]
        sides = told["inputs"] if "inputs" in told else [told["source"], told["target"]]
        assert [side["k"] for side in sides] == [expected] * 2
