"""More dimensions than a relaxation sees, and columns that do not vary: as many components as the likelihood finds."""

import numpy as np
import pytest

from mixot import EM, AccuracyWarning, MomentSOS, fit


@pytest.fixture(scope="module")
def hidden():
    """Four clusters in five dimensions, two of which lie on each other in the plane of largest variance."""
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0, 0, 0, 0], [9, 0, 0, 0, 0], [0, 9, 0, 0, 0], [0, 9, 4, 4, 4.0]])
    return centers[rng.integers(4, size=400)] + rng.normal(size=(400, 5)) * 0.7


@pytest.mark.parametrize("structure", ["full", "diagonal", "spherical"])
def test_components_that_the_projection_hides_are_found(hidden, structure):
    found = fit(hidden, structure=structure, method=MomentSOS(max_order=3), rng=0)
    likely = fit(hidden, structure=structure, method=EM(k_max=8), rng=0)
    assert len(found.mixture) == len(likely.mixture) == 4
    assert found.criterion <= likely.criterion + 1e-6
    assert found.projection.shape == (5, 2)
    assert type(found.mixture.components) is type(likely.mixture.components)


@pytest.mark.parametrize("structure", ["full", "diagonal"])
@pytest.mark.parametrize("name", ["iris", "wine"])
def test_known_tables_have_the_components_of_the_likelihood(name, structure):
    x = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")().data
    found, likely = (fit(x, structure=structure, method=method, rng=0) for method in (MomentSOS(), EM(k_max=8)))
    assert len(found.mixture) == len(likely.mixture)
    assert found.criterion <= likely.criterion + 1e-6


@pytest.mark.parametrize("structure", ["full", "diagonal"])
@pytest.mark.parametrize("refine", ["em", "kmeans", None])
def test_constant_columns_are_as_the_likelihood_has_them(structure, refine):
    rng = np.random.default_rng(0)
    x = np.column_stack([np.full(300, 3.0), rng.normal(rng.choice([-4, 4], 300), 1.0)])
    found = fit(x, structure=structure, method=MomentSOS(refine=refine), rng=0)
    with pytest.warns(AccuracyWarning, match="constant columns"):
        likely = fit(x, structure=structure, rng=0)
    assert any("constant columns: 0 (value 3)" in note for note in found.notes)
    covs, theirs = found.mixture.components.cov(), likely.mixture.components.cov()
    np.testing.assert_allclose(covs[:, 0, 0], theirs[0, 0, 0], rtol=1e-9)
    np.testing.assert_allclose(covs[:, 0, 1], 0.0, atol=1e-12)
    np.testing.assert_allclose(found.mixture.components.mean()[:, 0], 3.0)
    if refine is not None:
        assert len(found.mixture) == len(likely.mixture)
        assert found.criterion == pytest.approx(likely.criterion, abs=1e-2)
    if refine == "em":
        assert found.history[-1] == pytest.approx(found.log_likelihood, abs=1e-4)
    alone = fit(x[:, 1], structure=structure, method=MomentSOS(refine=refine), rng=0)
    assert found.lower_bound == alone.lower_bound
    assert found.region == alone.region
