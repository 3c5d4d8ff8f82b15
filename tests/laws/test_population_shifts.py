"""Which components grew: closed forms where components are apart, the level of the test, and its bad input."""

from itertools import combinations

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, Poisson, UnsupportedError
from mixot.inference import population_shifts
from mixot.inference.population_shifts import _adjusted, _influences


def drawn(rng, n, shares, apart=50.0):
    """Rows of components so far apart that each row tells its own, and which that is."""
    owner = rng.choice(len(shares), n, p=shares)
    return np.stack([owner * apart + rng.standard_normal(n), rng.standard_normal(n)], axis=1), owner


def test_where_components_are_apart_weights_are_shares_and_t_is_that_of_two_proportions(rng):
    (x, a), (y, b) = drawn(rng, 60, [0.5, 0.3, 0.2]), drawn(rng, 90, [0.3, 0.3, 0.4])
    found = population_shifts(x, y, k=3, permutations=199, rng=0)
    order = np.argsort(found.mixture.components.means[:, 0])
    shares = [np.bincount(owner, minlength=3) / len(owner) for owner in (a, b)]
    np.testing.assert_allclose(found.before[order], shares[0], atol=1e-6)
    np.testing.assert_allclose(found.after[order], shares[1], atol=1e-6)
    assert (found.unit, found.sizes, found.permutations, found.least) == ("rows", (60, 90), 199, 1 / 200)
    ones = np.eye(3)[np.concatenate([a, b])] + 1e-12
    np.testing.assert_allclose(_influences(ones, ones.mean(axis=0)), np.eye(3)[np.concatenate([a, b])], atol=1e-8)


def test_the_mean_of_influences_is_the_pooled_weights(rng):
    x = rng.standard_normal((300, 1)) + 2.0 * rng.integers(0, 2, (300, 1))
    mixture = Mixture([0.5, 0.5], Gaussian([0.0, 2.0], [1.0, 1.0]))
    found = population_shifts(x[:150], x[150:], mixture=mixture, permutations=19, rng=0)
    densities = np.exp(mixture.components.log_prob(x))
    pooled = population_shifts([x, x], [x], mixture=mixture, permutations=19, rng=0).weights[0]
    each = _influences(densities, pooled)
    np.testing.assert_allclose(each.mean(axis=0), pooled, atol=1e-6)
    np.testing.assert_allclose(each.sum(axis=1), 1.0, atol=1e-6)
    # one step from the pooled weights comes close to the weights of the largest likelihood of each sample
    np.testing.assert_allclose(each[:150].mean(axis=0), found.weights[0], atol=0.01)


def test_groups_go_through_all_splits_of_samples(rng):
    before = [drawn(rng, 80, [0.6, 0.4])[0] for _ in range(4)]
    after = [drawn(rng, 80, [0.2, 0.8])[0] for _ in range(4)]
    found = population_shifts(before, after, k=2, rng=0)
    assert (found.unit, found.sizes, found.permutations, found.notes) == ("samples", (4, 4), 69, ())
    assert abs(found.least - 2 / 70) < 1e-15
    np.testing.assert_allclose(found.adjusted, 2 / 70)
    assert found.weights.shape == (8, 2)
    np.testing.assert_allclose(found.weights[4:].mean(axis=0), found.after)
    few = population_shifts(before[:2], after[:2], k=2, rng=0)
    assert few.notes == ("no p-value below 0.333 can come from 2 and 2 samples; give more of them",)
    assert few.adjusted.min() >= 1 / 3 - 1e-12


def test_step_down_maxima_are_those_of_their_definition(rng):
    seen, null = rng.exponential(1.5, 4), rng.exponential(1.0, (50, 4))
    alone, adjusted = _adjusted(seen, null)
    order, reached = np.argsort(-seen), 0.0
    for place, j in enumerate(order):
        rivals = null[:, order[place:]].max(axis=1)
        reached = max(reached, (1 + (rivals >= seen[j] * (1 - 1e-9)).sum()) / 51)
        assert adjusted[j] == reached
        assert alone[j] == (1 + (null[:, j] >= seen[j] * (1 - 1e-9)).sum()) / 51
    assert (adjusted >= alone).all()


def test_a_given_mixture_of_any_family_is_followed(rng):
    mixture = Mixture([0.5, 0.5], Poisson([2.0, 30.0]))
    x, y = mixture.sample(200, rng=1), Mixture([0.8, 0.2], Poisson([2.0, 30.0])).sample(200, rng=2)
    found = population_shifts(x, y, mixture=mixture, permutations=99, rng=0)
    assert found.changed().tolist() in ([0, 1], [1, 0])
    assert "the mixture was given" in found.notes[0]
    assert "they say nothing of how much samples of one kind differ" in found.notes[1]
    assert str(found).startswith("of 2 components, changed, at 0.05 for all together: ")


def test_columns_of_frames_are_joined_by_name(rng):
    pandas = pytest.importorskip("pandas")
    x, _ = drawn(rng, 60, [0.5, 0.5])
    frame = pandas.DataFrame(x, columns=["u", "v"])
    found = population_shifts(frame, frame[["v", "u"]], k=2, permutations=19, rng=0)
    assert found.mixture.columns == ("u", "v")
    np.testing.assert_allclose(found.change, 0.0, atol=1e-9)
    assert found.changed().size == 0


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "shares", "apart"), [((60, 40), [0.6, 0.3, 0.1], 1.0)])
def test_the_level_holds_in_500_nulls(sizes, shares, apart, rng):
    """Exact: a rate above 0.05 + 3 standard errors (0.029) would happen once in 700 runs of a correct test."""
    mixture = Mixture(
        shares, Gaussian(np.stack([apart * np.arange(3), np.zeros(3)], axis=1), np.stack([np.eye(2)] * 3))
    )
    rejected = 0
    for seed in range(500):
        rows, _ = drawn(rng, sum(sizes), shares, apart)
        how = {"k": len(shares)} if seed % 2 else {"mixture": mixture}
        found = population_shifts(rows[: sizes[0]], rows[sizes[0] :], permutations=39, rng=seed, **how)
        rejected += found.adjusted.min() <= 0.05
    assert rejected / 500 < 0.05 + 0.029


@pytest.mark.slow
def test_what_did_not_change_is_not_found_beside_what_did(rng):
    """Two of four weights change: these are found, and the others at no more than the level."""
    found, wrong = 0, 0
    for seed in range(100):
        x, y = drawn(rng, 300, [0.4, 0.3, 0.2, 0.1], 5.0)[0], drawn(rng, 300, [0.25, 0.3, 0.2, 0.25], 5.0)[0]
        answer = population_shifts(x[:, :1], y[:, :1], k=4, permutations=59, rng=seed)
        low = (answer.adjusted <= 0.05)[np.argsort(answer.mixture.components.means[:, 0])]
        found, wrong = found + low[[0, 3]].mean(), wrong + low[[1, 2]].any()
    assert found / 100 > 0.8
    assert wrong / 100 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_the_splits_of_three_and_three_are_counted_by_hand(rng):
    samples = [drawn(rng, 50, [0.5 + 0.05 * i, 0.5 - 0.05 * i])[0] for i in range(6)]
    found = population_shifts(samples[:3], samples[3:], k=2, rng=0)
    units = np.arcsin(np.sqrt(found.weights[:, 0]))

    def t(chosen):
        inside = np.isin(np.arange(6), chosen)
        x, y = units[inside], units[~inside]
        return abs(y.mean() - x.mean()) / np.sqrt(x.var(ddof=1) / 3 + y.var(ddof=1) / 3)

    seen = t((0, 1, 2))
    reached = sum(t(chosen) >= seen * (1 - 1e-9) for chosen in combinations(range(6), 3))
    assert abs(found.p_values[0] - reached / 20) < 1e-12


X = np.random.default_rng(0).standard_normal((30, 2))


@pytest.mark.parametrize(
    ("before", "after", "options", "message"),
    [
        ([], X, {}, "before must be a sample, such as an array"),
        ([1.0, 2.0], X, {}, "before must be a sample, such as an array"),
        (X, [X, X[:1]], {}, r"after\[1\] must have at least 2 rows, got 1"),
        (X, X[:, :1], {}, "all samples must have as many columns, got 2 and, in after, 1"),
        (X, X, {"permutations": 5}, "permutations must be a whole number of at least 19"),
        (X, X, {"k": 2, "mixture": Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))}, "leave one of the two out"),
        (X, X, {"mixture": Mixture([1.0], Gaussian([0.0], [1.0]))}, "must have the 2 columns of the samples, got 1"),
    ],
)
def test_bad_input(before, after, options, message):
    with pytest.raises(InputError, match=message):
        population_shifts(before, after, **options)
    with pytest.raises(UnsupportedError, match="a test is of rows"):
        population_shifts(X, Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])))


def test_rows_with_gaps_count_by_what_was_observed(rng):
    """The weights of the largest likelihood under marginals, row by row."""
    p = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [2.0, 3.0]], [np.eye(2), [[1.0, 0.5], [0.5, 2.0]]]))
    samples = [p.sample(n, rng=rng) for n in (60, 70)]
    for rows in samples:
        rows[rng.random(len(rows)) < 0.3, 0] = np.nan
        rows[rng.random(len(rows)) < 0.2, 1] = np.nan
    found = population_shifts(*samples, mixture=p, missing="ignore", permutations=19, rng=0)
    for rows, weights in zip(samples, found.weights, strict=True):
        some = rows[~np.isnan(rows).all(axis=1)]
        best = np.full(2, 0.5)
        seen = [np.flatnonzero(~np.isnan(row)) for row in some]
        each = np.stack(
            [
                np.exp(p.marginal(known.tolist()).components.log_prob(row[None, known])[0])
                for row, known in zip(some, seen, strict=True)
            ]
        )
        for _ in range(3000):
            shares = best * each
            best = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
        np.testing.assert_allclose(weights, best, atol=1e-6)
    empty = int(np.isnan(samples[0]).all(axis=1).sum())
    assert found.notes[0] == f"{empty} of 60 rows of before hold no value, and are left out"
    assert sum(found.sizes) == 130 - sum(int(np.isnan(rows).all(axis=1).sum()) for rows in samples)


def test_shifts_are_found_through_gaps(rng):
    pandas = pytest.importorskip("pandas")
    before, after = drawn(rng, 200, [0.7, 0.3])[0], drawn(rng, 200, [0.3, 0.7])[0]
    whole = population_shifts(before, after, k=2, rng=0, permutations=99)
    same = population_shifts(before, after, k=2, rng=0, permutations=99, missing="ignore")
    np.testing.assert_array_equal(whole.weights, same.weights)
    frames = [pandas.DataFrame(rows, columns=["u", "v"]) for rows in (before, after)]
    for frame in frames:
        frame.iloc[::5, 0] = np.nan
    found = population_shifts(frames[0], frames[1][["v", "u"]], k=2, rng=0, permutations=99, missing="ignore")
    assert found.adjusted.max() <= 0.02
    np.testing.assert_allclose(found.change, whole.change, atol=0.1)
    assert found.mixture.columns == ("u", "v")
    with pytest.raises(InputError, match="NaN"):
        population_shifts(*frames, k=2, rng=0)
    with pytest.raises(InputError, match="missing must be one of error, ignore"):
        population_shifts(*frames, k=2, rng=0, missing="drop")
