"""Laws of choosing components on both sides: what is planted is found, and the table says what it claims."""

from dataclasses import replace

import numpy as np
import pytest

from mixot import (
    EM,
    OMT,
    ComponentPair,
    ComponentSearch,
    Gaussian,
    Mixture,
    Samples,
    choose_components,
    fit,
    plan,
)
from mixot.fitting.joint.component_choice import chosen
from mixot.fitting.joint.halves import split
from mixot.fitting.joint.map_stability import Images, instability
from mixot.transport.plans import reversed_plan

QUICK = EM(starts=2, k_max=3)
CORNERS = np.array([[0.0, 0.0], [1, 0], [0, 1], [1, 1], [2, 0]])


def clouds(rng, counts, n=60, apart=8.0, shift=0.0):
    """One set of points for each count: so many clusters of n points each."""
    return [(shift + apart * CORNERS[:k, None] + rng.normal(size=(k, n, 2))).reshape(-1, 2) for k in counts]


@pytest.fixture(scope="module")
def two_sides():
    """Two sides whose clusters overlap, a search among small numbers, and what it finds with the seed 0."""
    x, y = clouds(np.random.default_rng(3), (2, 3), n=40, apart=3.0)
    options = {"ks": [1, 2], "ls": [1, 2, 3], "method": ComponentSearch(splits=2, points=50, fitter=QUICK)}
    return x, y, options, choose_components(x, y, **options, rng=0)


@pytest.mark.parametrize("k", [(3, 4), (2, 1), (1, 3)])
def test_planted_numbers_are_found_on_both_sides(k, rng):
    x, y = clouds(rng, k)
    search = ComponentSearch(splits=2, points=50, fitter=replace(QUICK, starts=4))
    ks, ls = ([n - 1, n, n + 1] if n > 1 else [1, 2] for n in k)
    found = choose_components(x, y, ks=ks, ls=ls, method=search, rng=0)
    assert (found.k, found.l) == k == (len(found.source), len(found.target))
    assert found.pair.excess == 0
    assert found.pair.plan is found.plan
    assert len(found.candidates) == len(ks) * len(ls)


def test_equal_numbers_are_the_diagonal(rng):
    x, y = clouds(rng, (3, 3))
    search = ComponentSearch(pairs="equal", splits=2, points=50, fitter=QUICK)
    found = choose_components(x, y, ks=[4, 2, 3, 3], ls=[3, 1, 4], method=search, rng=0)
    assert [(each.k, each.l) for each in found.candidates] == [(3, 3), (4, 4)]
    assert (found.k, found.l) == (3, 3)


def test_a_seed_gives_one_table(two_sides):
    x, y, options, found = two_sides
    tables = [found.candidates, *(choose_components(x, y, **options, rng=seed).candidates for seed in (0, 4))]
    numbers = [[(each.excess, each.excess_error, each.instability) for each in table] for table in tables]
    assert numbers[0] == numbers[1]
    assert numbers[0] != numbers[2]


def test_the_fits_are_those_of_fit(two_sides):
    """The table is that of two fits by BIC, whose numbers start from each other and may end a hair apart, and more."""
    x, y, options, found = two_sides
    for data, fits, sizes in ((x, found.source_fits, options["ks"]), (y, found.target_fits, options["ls"])):
        alone = fit(data, method=replace(QUICK, k_max=max(sizes)), rng=0)
        assert [each.criterion for each in fits] == pytest.approx([c.criterion for c in alone.candidates], abs=1e-2)
    sums = np.add.outer(*(len(d) * np.array([f.criterion for f in fits]) for d, fits in
                          ((x, found.source_fits), (y, found.target_fits))))  # fmt: skip
    assert [each.excess for each in found.candidates] == pytest.approx((sums - sums.min()).ravel(), abs=1e-6)
    for each in found.candidates:
        p, q = found.source_fits[each.k - 1].mixture, found.target_fits[each.l - 1].mixture
        np.testing.assert_array_equal(each.plan.coupling, plan(p, q, solver=OMT()).coupling)


def test_the_error_of_a_difference_is_that_of_the_likelihoods_row_by_row(rng):
    x, y = (np.concatenate([cloud, cloud[:7]]) for cloud in clouds(rng, (2, 2), n=30, apart=3.0))
    weights = rng.dirichlet(np.full(len(x), 3.0))
    found = choose_components(
        Samples(x, weights), y, ks=[1, 2], method=ComponentSearch(splits=2, points=20, fitter=QUICK), rng=0
    )
    best = min(found.candidates, key=lambda each: each.excess)
    n = 1 / (weights**2).sum()
    for each in found.candidates:
        variance = 0.0
        sides = (Samples(x, weights), n, found.source_fits, each.k, best.k), (
            Samples(y), len(y), found.target_fits, each.l, best.l,
        )  # fmt: skip
        for data, rows, fits, size, least in sides:
            apart = fits[size - 1].mixture.log_density(data.points) - fits[least - 1].mixture.log_density(data.points)
            mean = data.weights @ apart
            variance += (2 * rows) ** 2 * (data.weights**2 @ (apart - mean) ** 2)
        assert each.excess_error == pytest.approx(np.sqrt(variance), rel=1e-9, abs=1e-12)


def one_component(data):
    """The fit of one component to points on the line: their mean and variance."""
    mean = data.weights @ data.points
    return Mixture([1.0], Gaussian(mean, data.weights @ (data.points - mean) ** 2))


def test_instability_is_the_sampling_variance_of_an_image(rng):
    """Against the variance over data drawn anew, which nobody has in life: one component each, ``T(x) = A x + b``.

    With m, s of N(0, 1) and N(3, 4) from n rows each, ``T(x) = m_y + s_y (x - m_x) / s_x`` has the variance
    ``4 (2 + x^2) / n`` to first order, and the way back a quarter of it.
    """
    n, x0 = 400, np.linspace(-2, 2, 200)[:, None]
    y0 = 3 + 2 * x0
    truth = (2 + (x0**2).mean()) / n / x0.var()

    def images(x, y):
        p, q = (one_component(side) for side in (x, y))
        return Images.of(p, q, plan(p, q, solver=OMT()), x0, y0)

    shares = []
    for _ in range(8):
        x, y = Samples(rng.normal(0, 1, size=n)), Samples(rng.normal(3, 2, size=n))
        for _ in range(8):
            halves = zip(split(x, rng, n), split(y, rng, n), strict=True)
            shares.append(instability(images(x, y), tuple(images(*half) for half in halves)))
    assert np.mean(shares) == pytest.approx(
        truth, rel=0.3
    )  # the mean of 64 shares, each of about three degrees of freedom


def test_units_and_origin_do_not_matter(two_sides):
    x, y, options, plain = two_sides
    moved = choose_components(1e3 * x + 5e3, 1e3 * y + 5e3, **options, rng=0)
    assert (plain.k, plain.l) == (moved.k, moved.l)
    for each, other in zip(plain.candidates, moved.candidates, strict=True):
        assert other.instability == pytest.approx(each.instability, rel=1e-4)
        assert other.excess == pytest.approx(each.excess, rel=1e-4, abs=1e-4)
        assert other.second_singular_value == pytest.approx(each.second_singular_value, abs=1e-5)


def test_sides_may_be_exchanged(two_sides):
    """The fits and plans are the same; which rows are halved is not, so neither is the instability."""
    x, y, options, one = two_sides
    other = choose_components(y, x, ks=options["ls"], ls=options["ks"], method=options["method"], rng=0)
    for each in one.candidates:
        twin = other.candidate(each.l, each.k)
        assert twin.excess == pytest.approx(each.excess, abs=1e-8)
        assert twin.excess_error == pytest.approx(each.excess_error, rel=1e-9, abs=1e-9)
        np.testing.assert_allclose(twin.plan.coupling, each.plan.coupling.T, atol=1e-9)


def candidate(k, l, excess, error, shake, shake_error=0.01, determined=True):  # noqa: E741
    empty = plan(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([1.0], [1.0])), solver=OMT())
    return ComponentPair(k, l, float(excess), float(error), shake, shake_error, 0.0, 0.0, determined, empty)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([candidate(2, 3, 0, 0, 0.2), candidate(2, 2, 9, 3, 0.1)], (2, 3)),  # firm, but not likely
        ([candidate(2, 3, 0, 0, 0.2), candidate(3, 3, 3, 9, 0.1)], (3, 3)),  # as likely, and firmer
        ([candidate(2, 3, 0, 0, 0.1), candidate(2, 2, 3, 9, 0.105)], (2, 2)),  # as likely and as firm, and smaller
        ([candidate(2, 3, 0, 0, 0.1), candidate(1, 4, 3, 9, 0.1)], (2, 3)),  # as small: the likelier one
        ([candidate(3, 3, 0, 0, 0.1), candidate(2, 2, 3, 9, 0.1, determined=False)], (3, 3)),
        ([candidate(3, 3, 7, 0, 0.1, determined=False), candidate(2, 2, 0, 0, 0.1, determined=False)], (2, 2)),
    ],
)
def test_the_three_steps(table, expected):
    best = chosen(table)
    assert (best.k, best.l) == expected


def test_a_component_with_too_few_rows_is_not_chosen(rng):
    """Three far points among sixty: a component of theirs has a covariance that they do not determine."""
    x = np.concatenate([rng.normal(size=(60, 3)), 1e3 + 1e-3 * rng.normal(size=(3, 3))])
    y = rng.normal(size=(60, 3))
    found = choose_components(x, y, ks=[1, 2], ls=1, method=ComponentSearch(splits=2, points=20, fitter=QUICK), rng=0)
    assert [each.determined for each in found.candidates] == [True, False]
    assert found.k == 1


def test_images_under_the_plan_turned_are_those_of_the_plan_back(rng):
    x, y = clouds(rng, (2, 3), n=40, apart=3.0)
    p, q = (fit(side, k=k, method=QUICK, rng=0).mixture for side, k in ((x, 2), (y, 3)))
    forth, back = plan(p, q, solver=OMT(lam=1.0)), plan(q, p, solver=OMT(lam=1.0))
    np.testing.assert_allclose(reversed_plan(forth).coupling, back.coupling, atol=1e-9)
    assert reversed_plan(reversed_plan(forth)).gap == forth.gap
    there, again = Images.of(p, q, forth, x, y), Images.of(q, p, back, y, x)
    np.testing.assert_allclose(there.back, again.forth, atol=1e-6)


@pytest.mark.parametrize("solver", [OMT(lam=0.0), OMT(lam=2.0, rho=5.0), OMT(eps=0.5)])
def test_every_plan_has_a_table(solver, rng):
    x, y = clouds(rng, (2, 2), n=30)
    search = ComponentSearch(splits=2, points=30, solver=solver, fitter=QUICK)
    found = choose_components(x, y, ks=[1, 2], method=search, rng=0)
    assert (found.k, found.l) == (2, 2)
    assert all(np.isfinite(each.instability) for each in found.candidates)
    errors = {each.arrow_error for each in found.candidates}
    assert (errors == {None}) == (solver.rho is not None)


def test_counts_have_components_too(rng):
    x, y = rng.poisson(np.repeat([2.0, 30.0], 50)), rng.poisson(np.repeat([1.0, 20.0, 80.0], 40))
    search = ComponentSearch(splits=2, points=20, fitter=QUICK)
    found = choose_components(x, y, "poisson", ks=[1, 2, 3], ls=[2, 3, 4], method=search, rng=0)
    assert (found.k, found.l) == (2, 3)


def test_progress_is_told_and_may_interrupt(rng):
    x, y = clouds(rng, (2, 2), n=30)
    search = ComponentSearch(splits=3, points=30, fitter=QUICK)
    ticks = []
    choose_components(x, y, ks=[1, 2], ls=[2], method=search, rng=0, progress=ticks.append)
    last = [tick for tick in ticks if tick.stage == "fits to halves"]
    assert [tick.step for tick in last] == list(range(1, 19))
    assert {tick.total for tick in last} == {18}

    def stop(tick):
        if tick.stage == "fits to halves":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        choose_components(x, y, ks=[1, 2], method=search, rng=0, progress=stop)


def test_auto_chooses_one_model_for_each_side(rng):
    x, y = clouds(rng, (2, 2), n=30)
    search = ComponentSearch(splits=2, points=30, fitter=QUICK)
    found = choose_components(x, y * [1.0, 0.2], ks=[1, 2], structure="auto", method=search, rng=0)
    assert (found.k, found.l) == (2, 2)
    assert [each.structure for each in found.fits] == [
        fit(side, structure="auto", method=QUICK, rng=0).structure for side in (x, y * [1.0, 0.2])
    ]
