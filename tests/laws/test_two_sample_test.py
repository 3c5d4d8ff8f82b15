"""Permutation tests of two samples: the distances are what `distance` says, the level holds, differences are found."""

from itertools import combinations

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, Samples, distance, two_sample_test
from mixot.inference.statistics import Energy, SharedMW2

STATISTICS = ["mw2", "w2", "energy"]


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("m", [12, 17])
def test_w2_is_the_distance_of_points(d, m, rng):
    x, y = rng.standard_normal((12, d)), 0.5 + rng.standard_normal((m, d))
    found = two_sample_test(x, y, "w2", scale="data", permutations=19, rng=0)
    assert abs(found.distance - distance(x, y)) < 1e-12
    assert found.units == "in the units of the data"


def test_energy_is_by_its_definition(rng):
    x, y = rng.standard_normal((12, 3)), rng.standard_normal((9, 3))
    apart = lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=2).mean()  # noqa: E731
    found = two_sample_test(x, y, "energy", scale="data", permutations=19, rng=0)
    assert abs(found.distance**2 - (2 * apart(x, y) - apart(x, x) - apart(y, y))) < 1e-12


def test_energy_of_many_rows_is_by_its_definition(rng):
    """The matrix of distances goes by in blocks, and those off its diagonal are computed once for both sides."""
    x, y = rng.standard_normal((1300, 2)), 0.1 + rng.standard_normal((1200, 2))
    rows = np.concatenate([x, y])
    first = np.array([np.arange(2500) < 1300, rng.permutation(2500) < 1300])
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    apart = lambda a, b: distances[np.ix_(a, b)].mean()  # noqa: E731
    expected = [2 * apart(group, ~group) - apart(group, group) - apart(~group, ~group) for group in first]
    np.testing.assert_allclose(Energy(rows).squares(first, ~first), expected, rtol=1e-9)


def test_mw2_with_one_component_is_that_of_means_and_covariances(rng):
    x, y = rng.standard_normal((30, 2)), 1 + 2 * rng.standard_normal((40, 2))
    found = two_sample_test(x, y, "mw2", k=1, scale="data", permutations=19, rng=0)
    p, q = (Mixture([1.0], Gaussian([each.mean(0)], [np.cov(each.T, bias=True)])) for each in (x, y))
    assert abs(found.distance - distance(p, q)) < 1e-9
    assert found.k == 1


def test_mw2_is_that_of_an_m_step_from_shared_responsibilities(rng):
    x = np.concatenate([rng.standard_normal((40, 2)), 8 + rng.standard_normal((30, 2))])
    shared = SharedMW2.of(x, 2, rng)
    group = rng.random(70) < 0.5
    shares = shared.fit.responsibilities(x)

    def mixture(rows):
        mass = shares[rows].sum(axis=0)
        means = shares[rows].T @ x[rows] / mass[:, None]
        away = x[rows][:, None] - means
        covs = np.einsum("nk,nki,nkj->kij", shares[rows], away, away) / mass[:, None, None]
        return Mixture(mass / mass.sum(), Gaussian(means, covs))

    expected = distance(mixture(group), mixture(~group)) ** 2
    assert abs(shared.squares(np.array([group, ~group]), np.array([~group, group])) - expected).max() < 1e-9


def test_the_fit_does_not_know_the_groups(rng):
    """Swapped samples, and rows in another order, give the same mixture: else the level would not be exact."""
    x = rng.standard_normal((50, 2))
    a, b = (
        SharedMW2.of(x[order], None, np.random.default_rng(0)).fit for order in (np.arange(50), rng.permutation(50))
    )
    assert (a.components.means == b.components.means).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_level_is_kept(statistic, rng):
    """P(p <= 0.1) <= 0.1, for laws with ties and without."""
    count = 0
    for _ in range(100):
        rows = rng.standard_t(2, size=(20, 1)).round(1) if statistic == "w2" else rng.standard_t(2, size=(20, 2))
        k = 2 if statistic == "mw2" else None
        count += two_sample_test(rows[:8], rows[8:], statistic, permutations=19, k=k, rng=rng).p_value <= 0.1
    assert count <= 22  # 10 + 4 standard deviations


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("d", [1, 2])
def test_a_shift_is_found(statistic, d, rng):
    found = two_sample_test(rng.standard_normal((60, d)), 1.2 + rng.standard_normal((70, d)), statistic, rng=0)
    assert found.p_value == 0.001
    assert found.reject(0.01)
    assert (found.null < found.distance).all()
    assert "60 and 70 rows" in str(found)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_no_unit_matters(statistic, rng):
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((25, 2))
    units = np.array([1e5, 1e-3])
    a, b = (two_sample_test(x * u, y * u, statistic, permutations=99, rng=0) for u in (np.ones(2), units))
    assert a.p_value == b.p_value
    assert abs(a.distance - b.distance) < 1e-6
    assert a.units == "columns in standard deviations"


def test_few_splits_are_all_gone_through(rng):
    x, y = rng.standard_normal((3, 1)), rng.standard_normal((4, 1))
    rows = np.concatenate([x, y])[:, 0]
    found = two_sample_test(x, y, "energy", rng=0)
    apart = np.abs(rows[:, None] - rows)
    every = []
    for chosen in combinations(range(7), 3):
        s = np.full(7, -1 / 4)
        s[list(chosen)] = 1 / 3
        every.append(-s @ apart @ s)
    assert found.every
    assert found.permutations == 34
    assert found.p_value == np.mean(np.array(every) >= every[0] - 1e-12)


def test_batches_change_nothing(rng, monkeypatch):
    x, y = rng.standard_normal((20, 1)), rng.standard_normal((20, 1))
    whole = two_sample_test(x, y, "w2", permutations=99, rng=0)
    monkeypatch.setattr("mixot.inference.statistics._BLOCK", 40 * 7)
    parts, seen = None, []
    parts = two_sample_test(x, y, "w2", permutations=99, rng=0, progress=seen.append)
    np.testing.assert_allclose(whole.null, parts.null, atol=1e-12)
    assert seen[-1].step == seen[-1].total == 99
    assert len(seen) == 15


def test_what_troubles_the_fit_is_told(rng):
    x = np.c_[rng.standard_normal(30), np.ones(30)]
    found = two_sample_test(x, x + np.array([1.0, 0.0]), k=1, permutations=19, rng=0)
    assert "constant columns" in found.notes[0]
    assert two_sample_test(x[:, :1], x[:, :1] + 1, k=1, permutations=19, rng=0).notes == ()


def test_columns_are_joined_by_name(rng):
    pd = pytest.importorskip("pandas")
    x, y = rng.standard_normal((20, 2)), rng.standard_normal((20, 2)) * [1.0, 5.0]
    a = two_sample_test(x, y, permutations=19, rng=0)
    b = two_sample_test(
        pd.DataFrame(x, columns=["u", "v"]), pd.DataFrame(y[:, ::-1], columns=["v", "u"]), permutations=19, rng=0
    )
    assert a.distance == b.distance


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1)), {}, "as many columns, got 2 and 1"),
        (np.zeros((3, 1)), np.zeros((3, 1)), {}, "all rows of x and y are equal"),
        (np.arange(3.0), [1.0], {}, "y must have at least 2 rows, got 1"),
        (np.arange(3.0), Samples([1.0, 2.0], [0.1, 0.9]), {}, "y must be rows of equal weight"),
        (np.arange(3.0), np.arange(4.0), {"statistic": "ks"}, "statistic must be one of mw2, w2, energy"),
        (np.arange(3.0), np.arange(4.0), {"scale": "white"}, "scale must be one of columns, data"),
        (np.arange(3.0), np.arange(4.0), {"statistic": "w2", "k": 2}, "k is the number of components"),
        (np.arange(3.0), np.arange(4.0), {"permutations": 5}, "permutations"),
    ],
)
def test_what_cannot_be_compared_is_told(x, y, options, words):
    with pytest.raises(InputError, match=words):
        two_sample_test(x, y, **options)
