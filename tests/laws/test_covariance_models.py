"""Laws of the fourteen covariance models: what each M step maximises, what is nested, what they do not depend on."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import minimize

from mixot import EM, DiagonalGaussian, Gaussian, InputError, Mixture, Samples, fit
from mixot.fitting.likelihood.gaussian.covariance_models import MODELS, CovarianceModel
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters

NESTED = [  # a model, and those whose likelihood is never less
    ("EII", "VII EEI"), ("VII", "VEI"), ("EEI", "VEI EVI EEE"), ("VEI", "VVI VEE"), ("EVI", "VVI EVE"), ("VVI", "VVE"),
    ("EEE", "VEE EVE EEV"), ("VEE", "VVE VEV"), ("EVE", "VVE EVV"), ("VVE", "VVV"), ("EEV", "VEV EVV"), ("VEV", "VVV"),
    ("EVV", "VVV"),
]  # fmt: skip


def clusters(rng, n=240, d=3, k=3):
    """Rows of k overlapping Gaussian clusters of all shapes."""
    roots = rng.standard_normal((k, d, d + 1)) / np.sqrt(d)
    p = Mixture(np.full(k, 1 / k), Gaussian(2.5 * rng.standard_normal((k, d)), roots @ roots.swapaxes(1, 2)))
    return p.sample(n, rng=rng)


def step(name, weights, covs):
    """The covariances that the M step of a model makes of those of the rows, (k, d, d)."""
    k, d = covs.shape[:2]
    em = GaussianEM.of(np.random.default_rng(0).normal(size=(50, d)) * np.arange(1.0, d + 1), np.ones(50), name, 0.0)
    kept = {"tied": np.einsum("k,kij->ij", weights, covs), "full": covs}.get(
        em.structure, np.diagonal(covs, axis1=1, axis2=2)
    )
    if em.structure == "spherical":
        kept = np.repeat(kept.mean(axis=1, keepdims=True), d, axis=1)
    out = em.out_of_kernel(em.into_kernel(Parameters(weights, np.zeros((k, d)), kept)))
    return em.mixture(out).components.cov()


def objective(weights, covs, fitted):
    return weights @ (np.linalg.slogdet(fitted)[1] + np.trace(np.linalg.solve(fitted, covs), axis1=1, axis2=2))


def of_numbers(name, theta, k, d):
    """Covariances (k, d, d) of the model from unconstrained numbers: logarithms, and skew matrices of rotations."""
    volume, shape, turn = name
    at = 0

    def take(count):
        nonlocal at
        at += count
        return theta[at - count : at]

    volumes = np.broadcast_to(take(k if volume == "V" else 1), (k,))
    shapes = np.zeros((k, d))
    if shape != "I":
        free = np.broadcast_to(take((k if shape == "V" else 1) * (d - 1)).reshape(-1, d - 1), (k, d - 1))
        shapes = np.concatenate([free, -free.sum(axis=1, keepdims=True)], axis=1)
    turns = np.broadcast_to(np.eye(d), (k, d, d))
    if turn != "I":
        skew = np.zeros((k if turn == "V" else 1, d, d))
        i, j = np.triu_indices(d, 1)
        skew[:, i, j] = take(len(skew) * len(i)).reshape(len(skew), -1)
        turns = np.broadcast_to(np.stack([expm(each - each.T) for each in skew]), (k, d, d))
    return np.einsum("kia,ka,kja->kij", turns, np.exp(volumes[:, None] + shapes), turns)


@pytest.mark.parametrize("name", MODELS)
def test_the_m_step_is_what_a_general_optimiser_finds(name, rng):
    k, d = 2, 3
    weights, roots = rng.dirichlet(np.full(k, 3.0)), rng.standard_normal((k, d, d + 1))
    covs = roots @ roots.swapaxes(1, 2) + 0.1 * np.eye(d)
    ours = step(name, weights, covs)
    best = np.inf
    for _ in range(2):
        start = 0.3 * rng.standard_normal(CovarianceModel(name).free_parameters(k, d))
        found = minimize(lambda theta: objective(weights, covs, of_numbers(name, theta, k, d)), start, method="BFGS")
        best = min(best, found.fun)
    assert objective(weights, covs, ours) == pytest.approx(best, abs=1e-7)  # of numerical derivatives


@pytest.mark.parametrize("name", MODELS)
def test_an_m_step_of_the_model_changes_nothing_any_more(name, rng):
    weights, roots = rng.dirichlet(np.full(4, 3.0)), rng.standard_normal((4, 5, 7))
    once = step(name, weights, roots @ roots.swapaxes(1, 2))
    np.testing.assert_allclose(step(name, weights, once), once, rtol=0, atol=1e-8 * np.abs(once).max())


@pytest.mark.parametrize("name", MODELS)
def test_volumes_shapes_and_axes_are_shared_as_the_name_says(name, rng):
    found = fit(clusters(rng), k=3, structure=name, rng=0).mixture.components
    volume, shape, turn = name
    assert isinstance(found, DiagonalGaussian if turn == "I" else Gaussian)
    covs = found.cov()
    values = np.linalg.eigvalsh(covs)
    volumes = np.exp(np.log(values).mean(axis=1))
    shapes = values / volumes[:, None]
    along = covs / np.linalg.norm(covs, axis=(1, 2), keepdims=True)
    crossed = max(np.abs(a @ b - b @ a).max() for a in along for b in along)  # zero for common axes
    tol = 1e-6
    assert (np.ptp(volumes) < tol * volumes.max()) == (volume == "E")
    assert (np.ptp(shapes, axis=0).max() < tol) == (shape != "V")
    assert (np.abs(shapes - 1).max() < tol) == (shape == "I")
    assert (crossed < tol) == (turn != "V")
    assert (np.abs(covs[:, ~np.eye(3, dtype=bool)]).max() == 0) == (turn == "I")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", [{"tol": 0.0, "max_iter": 40, "reg": 0.01}, {"tol": 1e-9, "reg": 0.0}])
def test_the_objective_never_decreases(name, options, rng):
    for case in range(4):
        d = 1 + case
        x, w = clusters(rng, d=d), rng.dirichlet(np.full(240, 2.0)) if case % 2 else None
        start = fit(x, k=3, structure="EII", method=EM(max_iter=1, tol=0.0, starts=1), rng=case)
        found = EM(start=start, **options).fit(Samples(x, w), "gaussian", structure=name)
        assert np.diff(found.history).min(initial=0.0) >= -1e-12 * np.abs(found.history).max()
        assert found.iterations > 1


@pytest.mark.parametrize("name", ["EVE", "VVE"])
def test_few_turns_of_common_axes_at_a_time_lead_up_and_to_the_top(name, rng):
    x, d = clusters(rng, n=150, d=12, k=3), 12  # rows so few that one exact M step would be hundreds of sweeps
    for seed in range(2):
        start = fit(x, k=3, structure="EII", method=EM(max_iter=1, tol=0.0, starts=1), rng=seed)
        found = EM(start=start, tol=1e-9, reg=1e-3, max_iter=4000).fit(Samples(x), "gaussian", structure=name)
        assert found.status.solved
        assert np.diff(found.history).min() >= -1e-12 * np.abs(found.history).max()
        em = GaussianEM.of(x, np.ones(150), name, 1e-3)
        state = em.state(found.mixture)
        following = em.step(state).following  # the covariances of the rows, plain
        fitted = em.within(following).covs

        def value(covs, of=following):
            return objective(of.weights, of.covs, covs)

        assert value(fitted) <= value(state.covs) + 1e-9
        assert value(fitted) == pytest.approx(value(state.covs), abs=1e-6 * d)  # nothing is left to turn


@pytest.mark.parametrize(("name", "wider"), NESTED)
def test_a_wider_model_is_never_less_likely(name, wider, rng):
    data = Samples(clusters(rng))
    found = EM(reg=0.0).fit(data, "gaussian", k=3, structure=name, rng=0)
    for each in wider.split():
        other = EM(reg=0.0, start=found).fit(data, "gaussian", structure=each)
        assert other.history[0] >= found.log_likelihood - 1e-12
        assert other.log_likelihood > found.log_likelihood


def test_one_component_has_five_models(rng):
    data = Samples(clusters(rng, k=1))
    found = {name: EM().fit(data, "gaussian", k=1, structure=name).log_likelihood for name in MODELS}
    for names in (
        ("EII", "VII"),
        ("EEI", "VEI", "EVI", "VVI"),
        ("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
    ):
        assert np.ptp([found[name] for name in names]) < 1e-12
    assert found["VII"] < found["VVI"] < found["VVV"]


@pytest.mark.parametrize("name", [name for name in MODELS if name[2] != "I" or name[1] == "I"])
def test_a_rotation_of_the_data_rotates_the_mixture(name, rng):
    x, turn = clusters(rng), np.linalg.qr(rng.standard_normal((3, 3)))[0]
    first = EM(reg=0.0, tol=0.0, max_iter=2, starts=1)  # far from rest, where rounding would end runs
    start = first.fit(Samples(x), "gaussian", k=3, structure=name, rng=0).mixture
    law = start.components
    if name[2] == "I":
        moved = DiagonalGaussian(law.mean() @ turn, law.variances)
    else:
        moved = Gaussian(law.mean() @ turn, turn.T @ law.cov() @ turn)
    options = {"reg": 0.0, "tol": 0.0, "max_iter": 5}
    plain = EM(start=start, **options).fit(Samples(x), "gaussian", structure=name)
    turned = EM(start=Mixture(start.weights, moved), **options).fit(Samples(x @ turn), "gaussian", structure=name)
    both = min(plain.iterations, turned.iterations)  # rounding may end one of them
    np.testing.assert_allclose(turned.history[:both], plain.history[:both], rtol=0, atol=1e-9)
    covs = turn.T @ plain.mixture.components.cov() @ turn
    np.testing.assert_allclose(turned.mixture.components.cov(), covs, rtol=0, atol=1e-6 * np.abs(covs).max())


@pytest.mark.parametrize("name", ["EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"])
def test_units_of_columns_change_only_the_units(name, rng):
    x, units = clusters(rng), np.array([1e-3, 1.0, 250.0])
    plain, scaled = (EM().fit(Samples(each), "gaussian", k=3, structure=name, rng=0) for each in (x, x * units))
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood - np.log(units).sum(), abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_all_columns_in_another_unit_change_only_the_unit(name, rng):
    x = clusters(rng)
    plain, scaled = (EM().fit(Samples(each), "gaussian", k=3, structure=name, rng=0) for each in (x, x * 1e6))
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood - 3 * np.log(1e6), abs=1e-8)


@pytest.mark.parametrize("volume", "EV")
def test_on_the_line_only_the_volume_is_left(volume, rng):
    x = rng.normal([[-3.0], [2.0]], [[1.0], [0.4]], size=(2, 80)).reshape(-1, 1)
    first = EM().fit(Samples(x), "gaussian", k=2, structure=volume, rng=0)
    variances = first.mixture.components.cov().ravel()
    assert (variances[0] == variances[1]) == (volume == "E")
    for name in MODELS:
        if name[0] == volume:
            found = EM(start=first).fit(Samples(x), "gaussian", structure=name)
            assert found.log_likelihood == pytest.approx(first.log_likelihood, abs=1e-5)
            assert found.criterion - first.criterion == pytest.approx(
                2 * (first.log_likelihood - found.log_likelihood), abs=1e-12
            )


def test_numbers_of_free_parameters_are_those_of_the_literature():
    # nMclustParams of mclust 6, means and weights among them
    published = {
        (1, 2): [3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5],
        (4, 2): [12, 15, 13, 16, 16, 19, 14, 17, 17, 20, 17, 20, 20, 23],
        (1, 5): [6, 6, 10, 10, 10, 10, 20, 20, 20, 20, 20, 20, 20, 20],
        (4, 5): [24, 27, 28, 31, 40, 43, 38, 41, 50, 53, 68, 71, 80, 83],
    }
    for (k, d), numbers in published.items():
        ours = [CovarianceModel(name).free_parameters(k, d) + k - 1 + k * d for name in MODELS]
        assert ours == numbers, (k, d)


def test_components_of_too_few_rows_do_not_compete(rng):
    x = np.concatenate([clusters(rng, n=40, k=1), np.full((1, 3), 40.0)])  # one row far away
    for name in MODELS:
        found = EM().fit(Samples(x), "gaussian", k=2, structure=name, rng=0)
        alone = (found.mixture.weights < 1.5 / 41).any()
        assert bool(found.candidates[0].reason) == (alone and name not in ("EII", "EEI", "EEE", "EEV")), name


def test_unknown_structures_are_refused_and_listed(rng):
    x = clusters(rng)
    for wrong in ("EIV", "EVA", "", "fulll"):
        with pytest.raises(InputError, match=r"unknown structure .*full, diagonal, spherical, tied.*EII.*VVV and auto"):
            fit(x, k=2, structure=wrong)
    with pytest.raises(InputError, match="one of columns alone, got 3"):
        fit(x, k=2, structure="E")
    with pytest.raises(InputError, match=r"the diagonal family has .*EII"):
        fit(x, "diagonal", k=2, structure="EEV")
    assert fit(x, k=2, structure="vve", rng=0).log_likelihood == fit(x, k=2, structure="VVE", rng=0).log_likelihood
