"""Laws of structure="auto": what is chosen is the lowest criterion of what was tried, and what was tried is told."""

import numpy as np
import pytest

from mixot import EM, DiagonalGaussian, Gaussian, Mixture, Samples, fit
from mixot.cli.fit_facts import structures_table
from mixot.fitting.likelihood.gaussian.covariance_models import MODELS


def of_one_shape(rng, n, k=4, d=3):
    """Rows of clusters that share volume and shape and have axes of their own: EEV."""
    shape = np.diag([3.0, 0.5, 0.1])
    turns = np.linalg.qr(rng.standard_normal((k, d, d)))[0]
    p = Mixture(np.full(k, 1 / k), Gaussian(6 * rng.standard_normal((k, d)), turns @ shape @ turns.swapaxes(1, 2)))
    return p.sample(n, rng=rng)


def test_the_law_that_made_the_data_is_found(rng):
    found = fit(of_one_shape(rng, 600), structure="auto", rng=0)
    assert (found.structure, len(found.mixture)) == ("EEV", 4)


def test_the_choice_is_the_lowest_criterion_and_what_its_structure_gives(rng):
    x = of_one_shape(rng, 300)
    found = EM(k_max=6).fit(Samples(x), "gaussian", structure="auto", rng=0)
    competing = [each for each in found.candidates if not each.reason]
    best = min(competing, key=lambda each: each.criterion)
    assert (best.structure, best.k) == (found.structure, len(found.mixture))
    assert best.criterion == found.criterion
    assert {(each.structure, each.k) for each in found.candidates} == {(m, k) for m in MODELS for k in range(1, 7)}
    named = fit(x, k=best.k, structure=best.structure, rng=0)
    assert found.criterion <= named.criterion + 1e-4
    assert found.log_likelihood == pytest.approx(found.mixture.log_density(x).mean(), abs=1e-9)
    assert np.diff(found.history).min(initial=0.0) >= -1e-12


def test_no_candidate_beats_the_choice_when_it_is_run_to_its_end(rng):
    x = of_one_shape(rng, 200, k=3)
    found = EM(k_max=4).fit(Samples(x), "gaussian", structure="auto", rng=0)
    for each in found.candidates:
        if not each.reason or "stopped early" in each.reason:
            end = EM(start=each.mixture).fit(Samples(x), "gaussian", structure=each.structure)
            assert end.criterion >= found.criterion - 1e-4, each.structure


def test_with_k_given_only_the_structure_is_chosen(rng):
    found = fit(of_one_shape(rng, 200), k=3, structure="auto", rng=0)
    assert [each.k for each in found.candidates] == [3] * 14
    assert len(found.mixture) == 3


def test_many_rows_are_chosen_for_on_few_and_judged_on_all(rng):
    x = of_one_shape(rng, 12_000)
    found = EM(k_max=5, subsample=3000).fit(Samples(x), "gaussian", structure="auto", rng=0)
    assert (found.structure, len(found.mixture)) == ("EEV", 4)
    for each in found.candidates:
        assert np.isfinite(each.criterion) != each.reason.startswith("far from the best"), each
    assert found.log_likelihood == pytest.approx(found.mixture.log_density(x).mean(), abs=1e-9)


def test_the_diagonal_family_chooses_among_models_without_orientation(rng):
    found = EM(k_max=3).fit(Samples(of_one_shape(rng, 150)), "diagonal", structure="auto", rng=0)
    assert isinstance(found.mixture.components, DiagonalGaussian)
    assert {each.structure for each in found.candidates} == {m for m in MODELS if m[2] == "I"}


def test_on_the_line_the_choice_is_between_equal_and_unlike_variances(rng):
    x = np.concatenate([rng.normal(-4, 1, 150), rng.normal(4, 1, 150)])
    y = np.concatenate([rng.normal(-4, 0.2, 150), rng.normal(4, 2, 150)])
    for data, name in ((x, "E"), (y, "V")):
        found = fit(data, structure="auto", rng=0)
        assert (found.structure, len(found.mixture)) == (name, 2)
        assert {each.structure for each in found.candidates} == {"E", "V"}


def test_a_start_is_taken_by_every_model(rng):
    x = of_one_shape(rng, 200)
    start = fit(x, k=4, rng=0)
    found = EM(start=start).fit(Samples(x), "gaussian", structure="auto")
    assert [each.structure for each in found.candidates] == list(MODELS)
    assert found.criterion == min(each.criterion for each in found.candidates if not each.reason)


@pytest.mark.parametrize("reg", [0.0, 1e-6])
@pytest.mark.filterwarnings("ignore:constant columns")
def test_what_collapses_does_not_compete(reg, rng):
    x = rng.standard_normal((30, 2))
    x[:10] = x[0]
    found = EM(reg=reg, k_max=5).fit(Samples(x), "gaussian", structure="auto", rng=0)
    assert not next(c for c in found.candidates if (c.structure, c.k) == (found.structure, len(found.mixture))).reason
    least = np.linalg.eigvalsh(found.mixture.components.cov()).min()
    assert least > 1e-5  # ten rows in one place and one beside them are thin; what collapses has 1e-6, or nothing


def test_icl_chooses_too(rng):
    found = EM(criterion="icl", k_max=3).fit(Samples(of_one_shape(rng, 120, k=2)), "gaussian", structure="auto", rng=0)
    assert len(found.mixture) == 2


def test_the_table_shows_every_structure_and_the_best_numbers_of_components(rng):
    found = EM(k_max=9).fit(Samples(of_one_shape(rng, 100, k=2)), "gaussian", structure="auto", rng=0)
    title, columns, rows = structures_table(found)
    assert columns[0] == "model"
    assert f"k={len(found.mixture)} " in columns
    assert len(columns) == 8
    assert "the best 7 of 9" in title
    assert [row[0] for row in rows] == list(MODELS)
    value = rows[MODELS.index(found.structure)][columns.index(f"k={len(found.mixture)} ")]
    assert value == f"{found.criterion:.5g} "
    assert structures_table(fit(of_one_shape(rng, 100), k=2, rng=0)) is None
