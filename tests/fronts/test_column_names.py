"""Columns have names: another order is put right, other names are refused, wherever a table meets what came of one."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import mixot
from mixot import Gaussian, InputError, Mixture, Samples
from mixot.cli import app
from mixot.mixture import aligned

pandas = pytest.importorskip("pandas")


def as_pandas(columns):
    return pandas.DataFrame(columns)


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def as_arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


FRAMES = [as_pandas, as_polars, as_arrow]


@pytest.fixture
def columns(rng):
    return {"age": rng.normal(40, 10, 200), "income": rng.normal(3e4, 8e3, 200), "size": rng.normal(1.7, 0.1, 200)}


def turned(columns):
    return {name: columns[name] for name in ("income", "size", "age")}


@pytest.mark.parametrize("frame", FRAMES)
def test_points_are_read_by_name(frame, columns):
    p = mixot.fit(frame(columns), k=2, rng=0).mixture
    assert p.columns == ("age", "income", "size")
    straight, around = frame(columns), frame(turned(columns))
    for ask in (p.log_density, p.density, p.responsibilities, p.predict if hasattr(p, "predict") else p.density):
        np.testing.assert_array_equal(ask(around), ask(straight))
        np.testing.assert_array_equal(ask(np.column_stack(list(columns.values()))), ask(straight))
    move = mixot.transport_map(p, p)
    np.testing.assert_array_equal(move(around), move(straight))
    for wrong in (
        {**turned(columns), "more": columns["age"]},
        {"Age" if n == "age" else n: c for n, c in columns.items()},
    ):
        with pytest.raises(InputError, match="x must have the columns 'age', 'income', 'size', got a table"):
            p.log_density(frame(wrong))


@pytest.mark.parametrize("frame", FRAMES)
def test_measures_are_compared_by_name(frame, columns, rng):
    other = {name: values + rng.standard_normal(200) for name, values in columns.items()}
    p, q, around = frame(columns), frame(other), frame(turned(other))
    assert mixot.distance(p, around) == pytest.approx(mixot.distance(p, q), rel=1e-12)
    fits = [mixot.fit(each, k=2, rng=0) for each in (p, q)]
    swapped = Mixture(
        fits[1].mixture.weights,
        Gaussian(
            fits[1].mixture.components.means[:, [1, 2, 0]],
            fits[1].mixture.components.covs[:, [1, 2, 0]][:, :, [1, 2, 0]],
        ),
        columns=("income", "size", "age"),
    )
    whole = mixot.distance(*fits)
    assert mixot.distance(fits[0], swapped) == pytest.approx(whole, rel=1e-9)
    assert mixot.plan(fits[0], swapped).cost == pytest.approx(whole**2, rel=1e-9)
    assert mixot.geodesic(fits[0], swapped)(0.5).columns == ("age", "income", "size")
    assert mixot.barycenter([fits[0], swapped]).objective == pytest.approx(whole**2 / 4, rel=1e-9)
    assert mixot.distances([fits[0], swapped])[0, 1] == pytest.approx(whole, rel=1e-9)
    assert mixot.bounds(fits[0], swapped).upper <= whole * (1 + 1e-9)
    with pytest.raises(
        InputError, match="both must have the columns 'age', 'income', 'size', got a table without 'age'"
    ):
        mixot.distance(p, Samples(np.zeros((2, 3)), columns=["x", "income", "size"]))
    assert mixot.distance(p, Samples(np.zeros((2, 3)))) > 0  # without names, by position


def test_names_of_measures():
    frame = pandas.DataFrame({"a": [0.0, 1.0], "b": [2.0, 5.0]})
    assert Samples(frame).columns == mixot.as_measure((frame, [0.5, 0.5])).columns == ("a", "b")
    assert Samples(frame.to_numpy()).columns is None
    assert Samples(frame.rename(columns={"a": 0})).columns is None  # scikit-learn's rule: names are text, all of them
    assert Samples(frame.set_axis(["a", "a"], axis=1)).columns is None
    p = Mixture([1.0], Gaussian([[0.0, 1.0]], [np.eye(2)]), columns=["a", "b"])
    assert p.marginal([1]).columns == ("b",)
    assert p.affine(2.0).columns == p.merge().columns == ("a", "b")
    assert p.affine(np.eye(2)).columns is None
    for wrong in (["a"], ["a", "a"], "ab", [1, 2], 7):
        with pytest.raises(InputError, match="columns must be 2 different names, one for each coordinate"):
            Mixture([1.0], Gaussian([[0.0, 1.0]], [np.eye(2)]), columns=wrong)
        with pytest.raises(InputError, match="columns must be 2 different names"):
            Samples([[0.0, 1.0]], columns=wrong)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_files_keep_names(suffix, tmp_path):
    p = Mixture([0.3, 0.7], Gaussian(np.arange(4.0).reshape(2, 2), [np.eye(2)] * 2), columns=["größe", "b"])
    mixot.save(p, tmp_path / f"p.{suffix}")
    assert mixot.load(tmp_path / f"p.{suffix}").columns == ("größe", "b")
    mixot.save(p.named(None), tmp_path / f"q.{suffix}")
    assert mixot.load(tmp_path / f"q.{suffix}").columns is None


def test_the_command_line_reads_by_name(columns, tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    pandas.DataFrame(columns).to_csv(first, index=False)
    pandas.DataFrame(turned(columns)).to_csv(second, index=False)
    model = tmp_path / "m.json"
    run = CliRunner().invoke
    assert run(app, ["fit", str(first), "-k", "1", "-o", str(model)]).exit_code == 0
    assert mixot.load(model).columns == ("age", "income", "size")
    assert mixot.read(second).columns == ("income", "size", "age")
    found = run(app, ["distance", str(model), str(second), "-k", "1", "--json"])
    assert json.loads(found.stdout)["distance"] == pytest.approx(0.0, abs=1e-3)
    pandas.DataFrame(columns).rename(columns={"age": "years"}).to_csv(second, index=False)
    found = run(app, ["distance", str(model), str(second), "-k", "1"])
    assert found.exit_code != 0


def swapped(p):
    """The mixture of three coordinates with its columns in the order of `turned`."""
    order = [1, 2, 0]
    laws = p.components
    return Mixture(
        p.weights,
        Gaussian(laws.means[:, order], laws.covs[:, order][:, :, order]),
        columns=("income", "size", "age"),
    )


def test_barycenters_carry_names_from_whichever_input_has_them(columns):
    p, q = (mixot.fit(pandas.DataFrame(columns), k=k, rng=0).mixture for k in (1, 2))
    whole = mixot.barycenter([p, q, q])
    assert whole.mixture.columns == ("age", "income", "size")
    bare = p.named(None)  # by position, in the order of the first that has names
    found = mixot.barycenter([bare, q, swapped(q)])
    assert found.objective == pytest.approx(whole.objective, rel=1e-9)
    assert found.mixture.columns == ("age", "income", "size")
    around = pandas.DataFrame(turned(columns))
    np.testing.assert_allclose(found.map(1)(around), found.map(1)(pandas.DataFrame(columns)))
    for solver in (mixot.GivenComponents(swapped(q)), mixot.FixedPoint(k=2)):
        straight = mixot.GivenComponents(q) if isinstance(solver, mixot.GivenComponents) else solver
        found, expected = (mixot.barycenter([p, q], solver=each) for each in (solver, straight))
        assert found.mixture.columns == ("age", "income", "size")
        assert found.objective == pytest.approx(expected.objective, rel=1e-9)
    with pytest.raises(InputError, match="both must have the columns 'age', 'income', 'size'"):
        mixot.barycenter([bare, q, q.named(("a", "b", "c"))])


def test_joint_fits_and_choices_read_by_name(columns, rng):
    other = {name: values + rng.standard_normal(200) for name, values in columns.items()}
    frame, straight, around = (pandas.DataFrame(each) for each in (columns, other, turned(other)))
    options = {"k": 1, "lam": 1e8, "rng": 0}
    found, expected = (mixot.fit_pair(frame, each, **options) for each in (around, straight))
    assert found.source.columns == found.target.columns == ("age", "income", "size")
    assert found.distance == pytest.approx(expected.distance, rel=1e-9)
    from_start = mixot.fit_pair(
        frame, straight, lam=1e8, method=mixot.JointEM(start=(expected.source, swapped(expected.target)))
    )
    assert from_start.distance == pytest.approx(expected.distance, rel=1e-3)
    choice, same = (mixot.choose_components(frame, each, ks=[1], rng=0) for each in (around, straight))
    assert choice.target.columns == choice.source.columns == ("age", "income", "size")
    assert choice.plan.cost == pytest.approx(same.plan.cost, rel=1e-9)
    wrong = around.rename(columns={"age": "Age"})
    for call in (
        lambda: mixot.fit_pair(frame, wrong, k=1, lam=1.0),
        lambda: mixot.joint_path(frame, wrong, k=1, lams=[1.0]),
        lambda: mixot.choose_components(frame, wrong, ks=[1]),
    ):
        with pytest.raises(InputError, match="both must have the columns"):
            call()


def test_names_and_counts_stay_together():
    frame = pandas.DataFrame({"a": [0.0, 1.0], "b": [2.0, 5.0]})
    p, q = Samples(frame, counts=[3, 5]), Samples(frame[["b", "a"]], counts=[3, 5])
    turned_back = aligned(p, q)
    np.testing.assert_array_equal(turned_back.points, p.points)
    np.testing.assert_array_equal(turned_back.counts, [3, 5])
    assert turned_back.observations == 8
    assert turned_back.columns == p.take(np.array([1])).columns == ("a", "b")
