"""Levels without an order: the discrete metric, names that stay, and numbers and categories side by side."""

import numpy as np
import pytest
from scipy.optimize import linprog

import mixot
from mixot import Bernoulli, Categorical, Gaussian, InputError, Mixture, Product, UnsupportedError, bounds, distance
from mixot.mixture import aligned

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")
ZERO = np.zeros(1, dtype=int)


def laws(rng, k, m=5, **options):
    return Categorical(rng.dirichlet(np.full(m, 0.5), size=k), **options)


def test_the_cost_is_that_of_the_linear_program(rng):
    p, q, m = laws(rng, 2), laws(rng, 2), 5
    rows = np.repeat(np.eye(m), m, axis=1), np.tile(np.eye(m), m)
    for i in range(2):
        for j in range(2):
            best = linprog((1 - np.eye(m)).ravel(), A_eq=np.vstack(rows), b_eq=np.r_[p.probs[i], q.probs[j]])
            assert p.cost(q)[i, j] == pytest.approx(best.fun, abs=1e-9)


def test_two_levels_are_a_bernoulli_law(rng):
    a, b = rng.random(3), rng.random(4)
    two, other = (Categorical(np.stack([1 - x, x], axis=1)) for x in (a, b))
    np.testing.assert_allclose(two.cost(other), Bernoulli(a).cost(Bernoulli(b)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(two.divergence(other), Bernoulli(a).divergence(Bernoulli(b)), rtol=1e-10)
    np.testing.assert_allclose(two.moments(3), Bernoulli(a).moments(3), rtol=1e-13)
    np.testing.assert_allclose(two.cov(), Bernoulli(a).cov(), rtol=1e-12)


def test_the_order_of_levels_changes_nothing(rng):
    p, q, order = laws(rng, 3), laws(rng, 3), rng.permutation(5)
    turned = [Categorical(each.probs[:, order]) for each in (p, q)]
    np.testing.assert_allclose(turned[0].cost(turned[1]), p.cost(q), rtol=1e-12)
    np.testing.assert_allclose(turned[0].divergence(turned[1]), p.divergence(q), rtol=1e-12)


def test_couplings_join_the_laws_at_the_least_cost(rng):
    p, q, n = laws(rng, 1), laws(rng, 1), 100_000
    coupling = p.coupling(q, ZERO, ZERO)
    x = p.sample(np.zeros(n, dtype=int), rng)
    y = coupling.sample(x, 0, rng)
    share = np.bincount(y[:, 0].astype(int), minlength=5) / n
    assert (np.abs(share - q.probs[0]) < 5 * np.sqrt(share / n) + 1e-6).all()
    cost = p.cost(q)[0, 0]
    assert (x != y).mean() == pytest.approx(cost, abs=5 * np.sqrt(cost / n))
    assert not coupling.is_map[0]
    with pytest.raises(UnsupportedError, match=r'levels have no mean .* kind="random"'):
        coupling.map(x, 0)
    same, swap = (p.coupling(r, ZERO, ZERO) for r in (p, Categorical([[0.0, 0.0, 1.0, 0.0, 0.0]])))
    assert same.is_map[0]
    assert swap.is_map[0]
    np.testing.assert_array_equal(same.map(x, 0), x)
    np.testing.assert_array_equal(swap.map(x, 0), np.full_like(x, 2.0))


def test_more_levels_on_one_side(rng):
    p, q = Categorical([[0.5, 0.5]]), Categorical([[0.25, 0.25, 0.5]])
    assert p.cost(q).item() == q.cost(p).item() == 0.5
    assert p.divergence(q).item() == pytest.approx(np.log(2))
    assert q.divergence(p).item() == np.inf
    assert p.append(q).probs.tolist() == [[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]
    assert p.log_prob(np.array([[2.0], [-1.0], [0.5], [np.inf]])).ravel().tolist() == [-np.inf] * 4


def test_names_of_levels_stay(rng, tmp_path):
    names = ("red", "green", "blue")
    law = laws(rng, 3, m=3, levels=names)
    assert law.take(np.array([2])).levels == law.append(law).levels == names
    whole = Product([Gaussian([[0.0, 1.0]] * 3, [np.eye(2)] * 3), law])
    assert whole.take(np.array([1])).level_names == whole.marginal([0, 1, 2]).level_names == {2: names}
    for suffix in ("json", "npz"):
        mixot.save(Mixture(np.ones(3) / 3, whole, columns=["a", "b", "c"]), tmp_path / f"p.{suffix}")
        back = mixot.load(tmp_path / f"p.{suffix}").components
        assert back.level_names == {2: names}
        np.testing.assert_array_equal(back.factors[1].probs, law.probs)
    (tmp_path / "p.json").write_text((tmp_path / "p.json").read_text().replace('"green"', '"red"'))
    with pytest.raises(InputError, match="levels must be 3 different names"):
        mixot.load(tmp_path / "p.json")


def test_levels_are_joined_by_name(rng):
    p, q = (Mixture([1.0], laws(rng, 1, m=2, levels=names)) for names in (["a", "b"], ["c", "a"]))
    joined = aligned(p, q).components
    assert joined.levels == ("a", "b", "c")
    a, b = p.components.probs[0], q.components.probs[0]
    np.testing.assert_allclose(joined.probs[0], [b[1], 0.0, b[0]])
    assert distance(p, q) ** 2 == pytest.approx(0.5 * (abs(a[0] - b[1]) + a[1] + b[0]), rel=1e-12)


def test_moments_of_codes_bound_no_distance():
    p, q = (Mixture([1.0], Categorical([row])) for row in ([1.0, 0, 0, 0, 0, 0], [0.0, 0, 0, 0, 0, 1.0]))
    found = bounds(p, q)
    assert (found.lower, found.upper) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Categorical([0.5, 0.5]), r"probs must have shape \(k, m\)"),
        (lambda: Categorical([[0.5, 0.6]]), "each row of probs must sum to one, got 1.1 for component 0"),
        (lambda: Categorical([[1.5, -0.5]]), "between 0 and 1, got 1.5 for level 0 of component 0"),
        (lambda: Categorical([[0.5, np.nan]]), "got nan for level 1"),
        (lambda: Categorical([[0.5, 0.5]], levels="ab"), "levels must be 2 different names"),
        (lambda: mixot.fit([[0.0, 1.5]] * 3, "categorical*2"), "column 1: levels must be coded by whole numbers"),
        (lambda: mixot.fit([[0.0, 1e9]] * 3, "categorical*2"), "from 0 to 65535"),
        (lambda: mixot.fit([[0.0, 1.0]] * 3, "categorical"), r'product family "categorical\*2"'),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


# -- frames ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(rng):
    kind = rng.choice(2, 300, p=[0.4, 0.6])
    return {
        "size": np.array([1.6, 1.8])[kind] + rng.normal(0, 0.05, 300),
        "town": [["Oslo", "Rome", "Wien"][rng.choice(3, p=[[0.8, 0.1, 0.1], [0.0, 0.3, 0.7]][each])] for each in kind],
        "age": np.array([30.0, 50.0])[kind] + rng.normal(0, 5, 300),
        "smokes": (rng.random(300) < 0.3).tolist(),
    }


FAMILY = "gaussian,categorical,gaussian,categorical"
KINDS = {
    "pandas": pandas.DataFrame,
    "categories": lambda columns: pandas.DataFrame(columns).astype({"town": "category"}),
    "polars": polars.DataFrame,
    "enum": lambda c: polars.DataFrame(c).with_columns(polars.col("town").cast(polars.Enum(["Oslo", "Rome", "Wien"]))),
    "lazy": polars.LazyFrame,
    "arrow": pyarrow.table,
    "dictionary": lambda c: pyarrow.table({**c, "town": pyarrow.array(c["town"]).dictionary_encode()}),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_numbers_and_categories_are_fitted_together(make, people):
    frame = make(people)
    found = mixot.fit(frame, FAMILY, k=2, rng=0).mixture
    assert found.columns == ("size", "town", "age", "smokes")
    towns = found.components.level_names[1]
    assert sorted(towns) == ["Oslo", "Rome", "Wien"]
    assert found.components.level_names[3] == ("False", "True")
    small = int(found.components.mean()[:, 0].argmin())
    oslo = found.components.factors[1].probs[small, towns.index("Oslo")]
    assert oslo == pytest.approx(0.8, abs=0.1)
    turned = make({name: people[name] for name in ("smokes", "age", "town", "size")})
    np.testing.assert_array_equal(found.log_density(turned), found.log_density(frame))
    move = mixot.transport_map(found, found, kind="random")
    back = pandas.DataFrame({name: list(move(turned, rng=0)[name]) for name in people})
    assert set(map(str, back["town"])) <= {"Oslo", "Rome", "Wien"}
    assert np.mean([str(one) == two for one, two in zip(back["town"], people["town"], strict=True)]) > 0.99
    again = mixot.fit(turned, "categorical,gaussian,categorical,gaussian", k=2, rng=0)
    assert distance(found, again) == pytest.approx(0.0, abs=1e-3)


def test_categories_of_pandas_stay_categories_in_their_order(people):
    frame = pandas.DataFrame(people)
    frame["town"] = pandas.Categorical(frame["town"], categories=["Wien", "Paris", "Rome", "Oslo"])
    found = mixot.fit(frame, FAMILY, k=1).mixture
    assert found.components.level_names[1] == ("Wien", "Paris", "Rome", "Oslo")
    assert found.components.factors[1].probs[0, 1] == 0.0
    assert found.components.free_parameters() == 2 + 2 + 2 + 1  # nobody is in Paris
    back = mixot.transport_map(found, found)(frame)
    assert back["town"].dtype == frame["town"].dtype
    assert back["town"].tolist() == frame["town"].tolist()


def test_weights_and_levels_together(people):
    frame = pandas.DataFrame({"w": np.arange(1.0, 301.0), **people})
    found = mixot.fit(frame, FAMILY, k=1, weights="w").mixture
    share = frame["w"][frame["town"] == "Oslo"].sum() / frame["w"].sum()
    assert found.components.factors[1].probs[0, 0] == pytest.approx(share, rel=1e-12)
    same = mixot.fit((pandas.DataFrame(people), frame["w"] / frame["w"].sum()), FAMILY, k=1).mixture
    np.testing.assert_allclose(same.components.factors[1].probs, found.components.factors[1].probs, rtol=1e-12)


def test_what_is_no_level_is_named(people):
    frame = pandas.DataFrame(people)
    found = mixot.fit(frame, FAMILY, k=1).mixture
    strange, gone = frame.copy(), frame.copy()
    strange.loc[7, "town"], gone.loc[3, "town"] = "Paris", None
    for call, message in (
        (lambda: found.density(strange), "column 'town' must hold the levels Oslo, Rome, Wien, got 'Paris' in row 7"),
        (lambda: found.density(gone), "column 'town' must name a level in every row, got none in 1 of 300 rows: 3"),
        (lambda: mixot.fit(gone, FAMILY), "column 'town' must name a level in every row"),
        (lambda: mixot.fit(frame, "categorical,categorical,gaussian,categorical"), "'size' must hold levels, got the"),
        (lambda: mixot.fit(frame), 'such as "diagonal,categorical,diagonal,diagonal"'),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_a_start_says_which_code_is_which_level(people):
    frame = pandas.DataFrame(people)
    start = mixot.fit(frame, FAMILY, k=2, rng=0)
    turned = frame.astype({"town": pandas.CategoricalDtype(["Wien", "Rome", "Oslo"])})
    found = mixot.fit(turned, FAMILY, k=2, method=mixot.FamilyEM(start=start)).mixture
    assert found.components.level_names == start.mixture.components.level_names
    np.testing.assert_allclose(found.log_density(frame), start.mixture.log_density(frame), rtol=1e-4)
    strange = frame.assign(town=frame["town"].replace("Oslo", "Paris"))
    with pytest.raises(InputError, match="column 'town' must hold the levels Oslo, Rome, Wien, got 'Paris'"):
        mixot.fit(strange, FAMILY, method=mixot.FamilyEM(start=start))


def test_numbers_may_name_levels():
    frame = pandas.DataFrame({"code": [3, 7, 9, 9], "share": [1.0, 2.0, 2.0, 1.0], "x": [0.0, 1.0, 2.0, 3.0]})
    found = mixot.fit(frame, "categorical*2,gaussian", k=1).mixture
    assert found.components.level_names == {0: ("3", "7", "9"), 1: ("1", "2")}
    bare = mixot.fit(frame.to_numpy(), "categorical*2,gaussian", k=1).mixture  # of arrays numbers are the codes
    assert bare.components.factors[0].probs.shape == (1, 10)


def test_latent_classes_are_found(rng):
    truth = Product([Categorical(rng.dirichlet(np.full(4, 0.3), size=3)) for _ in range(10)])
    x = Mixture([0.5, 0.3, 0.2], truth).sample(800, rng=rng)
    found = mixot.fit(x, "categorical*10", k=3, method=mixot.FamilyEM(tol=1e-6, starts=2), rng=0)
    order = np.argsort(-found.mixture.weights)
    np.testing.assert_allclose(found.mixture.weights[order], [0.5, 0.3, 0.2], atol=0.06)
    for part, true in zip(found.mixture.components.factors, truth.factors, strict=True):
        np.testing.assert_allclose(part.probs[order], true.probs, atol=0.15)
