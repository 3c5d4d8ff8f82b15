"""No answer without its note: what decided the number of components, and what was left out of the choice."""

import warnings

import numpy as np
import pytest

from mixot import EM, AccuracyWarning, InputError, Samples, fit
from mixot.fitting.likelihood.family_em import FamilyEM
from mixot.fitting.likelihood.search.candidates import judged
from mixot.results import Candidate, Status


def with_ties(rng, n=300):
    """Two laws in the plane; of the second, many rows have one coordinate rounded to the same number."""
    x = np.concatenate([rng.normal([2, 55], [0.2, 5], (n // 3, 2)), rng.normal([4.3, 80], [0.4, 6], (n - n // 3, 2))])
    x[-n // 5 :, 0] = 4.0
    return x


@pytest.mark.parametrize("reg", [1e-4, 1e-6, 1e-8, 1e-10])
def test_ties_do_not_choose_the_number_of_components(reg, rng):
    x = with_ties(rng)
    chosen = set()
    for seed in range(3):
        found = fit(x, method=EM(reg=reg), rng=seed)
        chosen.add(len(found.mixture))
        lower = [each for each in found.candidates if each.criterion < found.criterion]
        assert all(each.reason for each in lower)
        assert not found.candidates[len(found.mixture) - 1].reason
        for each in lower:
            assert any(f"{each.k}" in note for note in found.notes)
        least = min(lower, key=lambda each: each.criterion, default=None)
        assert least is None or any(f"k = {least.k}" in note and least.reason in note for note in found.notes)
    assert len(chosen) == 1
    assert chosen <= {2, 3}


def test_a_component_at_the_floor_is_told_where_k_is_given(rng):
    x = np.concatenate([rng.normal([0, 0], 1, (200, 2)), np.column_stack([np.full(60, 9.0), rng.normal(0, 1, 60)])])
    found = fit(x, k=2, rng=0)
    assert "at the floor" in found.candidates[0].reason
    assert any("do not determine the mixture of 2" in note and "floor" in note for note in found.notes)


def test_the_best_start_is_one_that_the_rows_determine(rng):
    x = with_ties(rng)
    assert all(not fit(x, k=2, rng=seed).candidates[0].reason for seed in range(4))


@pytest.mark.parametrize("structure", ["full", "tied"])
def test_compositions_choose_as_their_free_columns_do(structure, rng):
    free = np.concatenate([rng.normal(center, 0.02, (150, 2)) for center in ([0.2, 0.2], [0.5, 0.3], [0.2, 0.6])])
    whole = np.column_stack([free, 1 - free.sum(axis=1)])
    plain = fit(free, structure=structure, rng=0)
    for reg in (1e-4, 1e-8):
        found = fit(whole, method=EM(reg=reg), structure=structure, rng=0)
        assert len(found.mixture) == len(plain.mixture) == 3
        assert any("vary in 2 of 3 directions" in note for note in found.notes)
    assert not any("directions" in note for note in plain.notes)


def test_a_gamma_component_on_ties_does_not_compete(rng):
    x = np.concatenate([rng.gamma(4.0, 1.0, 300), np.full(60, 5.0)])
    found = FamilyEM(k_max=4).fit(Samples(x), "gamma", rng=0)
    assert not found.candidates[len(found.mixture) - 1].reason
    assert any("one, to the digit" in each.reason for each in found.candidates)


def test_fits_of_fewer_rows_than_their_parameters_need_say_so(rng):
    found = fit(rng.normal(size=(40, 60)), k=1, rng=0)
    assert any("fewer than the 61 rows" in note for note in found.notes)
    tied = fit(rng.normal(size=(40, 60)), k=2, structure="tied", rng=0)
    assert any("38 rows more than means" in note for note in tied.notes)
    assert not fit(rng.normal(size=(400, 6)), k=1, rng=0).notes


@pytest.mark.parametrize(("method", "law"), [(EM(max_iter=2), "gaussian"), (FamilyEM(max_iter=2), "laplace")])
def test_to_stop_at_the_limit_is_warned_of(method, law, rng):
    x = rng.normal(size=300)
    with pytest.warns(AccuracyWarning, match="stopped at the iteration limit; raise max_iter"):
        found = fit(x, law, k=3, method=method, rng=0)
    assert found.status is Status.MAX_ITER
    assert any("iteration limit" in note for note in found.notes)


def test_as_many_iterations_as_were_asked_for_are_no_news(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(rng.normal(size=(300, 2)), k=2, method=EM(max_iter=3, tol=0.0), rng=0).status is Status.MAX_ITER


def test_the_largest_number_tried_is_told(rng):
    x = rng.normal([[0.0], [10.0], [20.0], [30.0]], 1.0, (4, 200)).reshape(-1, 1)
    for method, family in ((EM(k_max=2), "gaussian"), (FamilyEM(k_max=2), "laplace")):
        found = fit(x, family, method=method, rng=0)
        assert len(found.mixture) == 2
        assert any("largest number that was tried" in note and "raise k_max" in note for note in found.notes)
        assert "largest number" in found.candidates[1].reason
    assert not fit(x, rng=0).notes


def test_a_likelihood_that_falls_is_told():
    tried = [Candidate(1, -3.0, 6.1), Candidate(2, -2.0, 4.2), Candidate(3, -2.5, 5.3), Candidate(4, -1.99, 4.4)]
    best, candidates, notes = judged(tried, 1000.0, 10)
    assert best == 1
    assert [bool(each.reason) for each in candidates] == [False, False, True, False]
    assert len(notes) == 1
    assert "falls from k = 2 to 3" in notes[0]
    assert judged(tried[:2], 1000.0, 10) == (1, tuple(tried[:2]), ())


def test_a_lower_criterion_that_was_left_out_is_told():
    few = "1 of 3 components have fewer than the 3 rows that determine one"
    best, candidates, notes = judged(
        [Candidate(1, -3.0, 6.1), Candidate(2, -2.9, 6.2), Candidate(3, -1.0, 2.4, few)], 99.0, 3
    )
    assert best == 0
    assert candidates[2].reason == few
    assert len(notes) == 1
    assert "k = 3" in notes[0]
    assert "2.4" in notes[0]
    assert few in notes[0]


@pytest.mark.parametrize("law", ["gaussian", "laplace", "poisson"])
def test_a_histogram_as_counts_is_its_rows(law, rng):
    rows = np.concatenate([rng.normal(center, 1.5, 400) for center in (10, 30, 50)]).round()
    values, counts = np.unique(rows, return_counts=True)
    plain, binned = fit(rows, law, rng=0), fit(values, law, counts=counts, rng=0)
    assert len(binned.mixture) == len(plain.mixture) > 1
    np.testing.assert_allclose(binned.criterion, plain.criterion, atol=1e-3)
    by_hand = fit(Samples(values, counts=counts), law, rng=0)
    assert by_hand.criterion == binned.criterion


def test_counts_say_how_many_observations_there_are():
    tally, shares = Samples([0.0, 1.0], counts=[30, 10]), Samples([0.0, 1.0], [0.75, 0.25])
    np.testing.assert_array_equal(tally.weights, shares.weights)
    assert tally.observations == 40.0
    assert shares.observations == pytest.approx(1.6, rel=1e-15)
    assert Samples([0.0, 1.0, 2.0]).observations == 3.0
    assert tally.moved([[5.0], [6.0]]).observations == 40.0


@pytest.mark.parametrize("counts", [[1.5, 2], [-1, 2], [0, 0], [1, 2, 3], [np.nan, 1], "text", [[1, 2]]])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(InputError, match="counts"):
        Samples([0.0, 1.0], counts=counts)


def test_weights_and_counts_are_two_things():
    with pytest.raises(InputError, match="give one"):
        Samples([0.0, 1.0], [0.5, 0.5], counts=[1, 1])
    with pytest.raises(InputError, match="sum to one"):
        fit([0.0, 1.0], weights=[1, 1])
