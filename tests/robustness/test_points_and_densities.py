"""Points against densities of every kind: odd clouds are solved, and mass that does not fit is an error that helps."""

import numpy as np
import pytest

from mixot import Gaussian, Grid, InputError, Mixture, Samples, distance, io, plan, quantize, transport_map

BOX = np.array([[-1.0, 3.0], [0.0, 2.0], [0.0, 3.0]])


def pixels(d, degree=0):
    def make(rng):
        return Grid(rng.random((5, 7, 4)[:d]) + 0.05, BOX[:d], degree)

    return make


def law(d):
    def make(rng):
        roots = rng.standard_normal((3, d, d))
        covs = roots @ roots.swapaxes(1, 2) + 0.05 * np.eye(d)
        return Mixture(rng.dirichlet(np.ones(3)), Gaussian(rng.standard_normal((3, d)), covs))

    return make


DENSITIES = {
    "line": pixels(1),
    "line, degree 1": pixels(1, 1),
    "picture": pixels(2),
    "picture, degree 1": pixels(2, 1),
    "voxels": pixels(3),
    "mixture on the line": law(1),
    "mixture": law(2),
    "mixture in space": law(3),
}


@pytest.fixture(params=DENSITIES)
def density(request, rng):
    return DENSITIES[request.param](rng)


def solved(p, q):
    best = plan(p, q)
    assert best.status.solved
    assert best.marginal_error <= 1e-8
    assert -1e-12 <= best.gap <= 1e-5 * max(best.cost, 1e-3)
    np.testing.assert_allclose(best.masses.sum(), 1.0, atol=1e-9)
    np.testing.assert_allclose(best.masses @ best.centroids, q.mean(), atol=1e-6)  # the cells hold all of it
    return best


def alone(y, q):
    """What one point pays: its distance from the mean, and the spread."""
    return float(((y - q.mean()) ** 2).sum() + np.trace(q.cov()))


def test_one_point_near_and_far(density, rng):
    for y in (rng.random((1, density.dim)), 50 + rng.random((1, density.dim))):
        assert solved(y, density).cost == pytest.approx(alone(y[0], density), rel=1e-9)


def test_a_thousand_equal_points_are_one(density, rng):
    y = rng.random(density.dim)
    best = solved(np.tile(y, (1000, 1)), density)
    assert best.cost == pytest.approx(alone(y, density), rel=1e-9)
    np.testing.assert_allclose(best.masses, 1e-3, rtol=1e-6)
    np.testing.assert_allclose(best.centroids, np.tile(density.mean(), (1000, 1)), atol=1e-6)


def test_half_of_the_points_equal(density, rng):
    points = rng.random((40, density.dim))
    points[20:] = points[0]
    merged = Samples(points[:20], [21 / 40, *[1 / 40] * 19])
    assert solved(points, density).cost == pytest.approx(solved(merged, density).cost, rel=1e-8)


def test_points_outside(density, rng):
    points = 20 + rng.random((60, density.dim))
    best = solved(points, density)
    inside = density.bounds if isinstance(density, Grid) else best.density.bounds
    assert (best.centroids >= inside[:, 0] - 1e-9).all()
    assert (best.centroids <= inside[:, 1] + 1e-9).all()


def test_points_on_a_line_and_on_a_lattice(density, rng):
    solved(np.linspace(0, 1, 27)[:, None] * np.ones(density.dim), density)
    solved(np.stack(np.meshgrid(*[np.linspace(0, 1, 3)] * density.dim), axis=-1).reshape(-1, density.dim), density)


def test_weights_of_many_sizes_and_none(density, rng):
    weights = 10.0 ** -rng.uniform(0, 6, 30)
    weights[:3] = 0.0
    p = Samples(rng.random((30, density.dim)), weights / weights.sum())
    best = solved(p, density)
    np.testing.assert_allclose(best.masses, p.weights, atol=1e-8)


def test_float32_is_as_good_as_its_values(density, rng):
    points = rng.random((30, density.dim)).astype(np.float32)
    weights = rng.dirichlet(np.ones(30)).astype(np.float32)
    exact = plan((points.astype(np.float64), weights / weights.sum(dtype=np.float64)), density).cost
    assert solved((points, weights), density).cost == pytest.approx(exact, rel=1e-6)
    assert transport_map(density, points)(rng.random((5, density.dim)).astype(np.float32)).shape == (5, density.dim)
    if isinstance(density, Grid):
        coarse = Grid(density.values.astype(np.float32), density.bounds, density.degree)
        assert plan(points, coarse).cost == pytest.approx(plan(points, density).cost, rel=1e-5)


@pytest.mark.parametrize("name", ["line", "line, degree 1", "picture", "picture, degree 1", "voxels"])
@pytest.mark.parametrize("n", [1, 7, 150])
def test_no_density_on_half_of_the_box(name, n, rng):
    grid = DENSITIES[name](rng)
    values = np.ones((8, *grid.values.shape[1:]))
    values[4:] = 0.0
    half = Grid(values, grid.bounds, grid.degree)
    best = solved(rng.random((n, grid.dim)), half)
    assert best.centroids[:, 0].max() < (1.01 if grid.degree == 0 else 1.26)  # half of [-1, 3], and a slope of a pixel


def test_one_pixel_that_holds_everything(rng):
    values = np.zeros((9, 9))
    values[4, 6] = 1e-200
    best = solved(rng.random((50, 2)), Grid(values, [[0, 9], [0, 9]]))
    assert (best.centroids >= [4.0, 6.0]).all()
    assert (best.centroids <= [5.0, 7.0]).all()


@pytest.mark.parametrize("scale", [1.0, 255.0, 1e300, 1e-300])
def test_values_are_known_up_to_a_factor(scale, rng):
    points, values = rng.random((9, 2)), rng.random((4, 4))
    assert distance(points, Grid(scale * values)) == pytest.approx(distance(points, Grid(values)), rel=1e-12)


# ---- mass that does not fit, through every door ----

BAD_WEIGHTS = {
    "two": (np.full(4, 0.5), r"weights must sum to one, got 2; pass weights / weights.sum\(\)"),
    "less": (np.full(4, 0.2), r"weights must sum to one, got 0\.8; pass weights / weights.sum\(\)"),
    "none": (np.zeros(4), "weights must not be all zero: there is no mass"),
    "negative": (np.array([0.5, 0.7, 0.0, -0.2]), "weights must not be negative, got -0.2 at 3"),
    "NaN": (np.array([0.5, 0.5, np.nan, 0.0]), "weights must be finite, got NaN or infinity in 1 of 4 places: 2"),
    "one too few": (np.full(3, 1 / 3), r"weights must have shape \(4,\), one for each"),
}
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
FLAT = Grid(np.ones((3, 3)))
ROUND = (np.ones(1), np.zeros((1, 2)), np.eye(2)[None])


@pytest.mark.parametrize("case", BAD_WEIGHTS)
@pytest.mark.parametrize("target", [FLAT, Mixture(ROUND[0], Gaussian(*ROUND[1:]))], ids=["grid", "mixture"])
def test_verbs_name_bad_weights(case, target):
    weights, message = BAD_WEIGHTS[case]
    for verb in (distance, plan, transport_map):
        with pytest.raises(InputError, match=message):
            verb((POINTS, weights), target)
        with pytest.raises(InputError, match=message):
            verb(target, (POINTS, weights))


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_jax_names_bad_weights(case):
    jax = pytest.importorskip("jax")
    from mixot.jax import cost

    weights, message = BAD_WEIGHTS[case]
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        for target in (FLAT, ROUND):
            with pytest.raises(InputError, match=message):
                cost((POINTS, weights), target)
            with pytest.raises(InputError, match=message):
                jax.grad(lambda w, target=target: cost((POINTS, w), target))(jax.numpy.asarray(weights))
    finally:
        jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_torch_names_bad_weights(case):
    torch = pytest.importorskip("torch")
    from mixot.torch import cost

    weights, message = BAD_WEIGHTS[case]
    for target in (FLAT, tuple(map(torch.tensor, ROUND))):
        with pytest.raises(InputError, match=message):
            cost((torch.tensor(POINTS), torch.tensor(weights, requires_grad=True)), target)


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_files_and_commands_name_bad_weights(case, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from mixot.cli import app

    weights, message = BAD_WEIGHTS[case]
    monkeypatch.chdir(tmp_path)
    np.savez("points.npz", points=POINTS, weights=weights)
    with pytest.raises(InputError, match=rf"points\.npz: {message}"):
        io.read("points.npz")
    said = CliRunner().invoke(app, ["distance", "points.npz", "points.npz", "--exact"], prog_name="mixot")
    assert (said.exit_code, len(said.stderr.strip().splitlines())) == (1, 1)
    assert said.stderr.startswith("error: points.npz: weights must ")


BAD_VALUES = {
    "NaN": (np.array([[1.0, np.nan], [1, 1]]), r"finite and not negative; the first that is not stands at \[0, 1\]"),
    "infinity": (np.array([[1.0, 1], [np.inf, 1]]), r"finite and not negative; the first that is not stands at \[1, 0"),
    "negative": (np.array([[1.0, 1], [1, -1e-9]]), r"finite and not negative; the first that is not stands at \[1, 1"),
    "nothing": (np.zeros((2, 2)), "values must not be all zero: there is no mass to transport"),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_bad_densities_are_named_through_every_door(case):
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")
    import mixot.jax
    import mixot.torch

    values, message = BAD_VALUES[case]
    with pytest.raises(InputError, match=message):
        distance(POINTS, Grid(values))
    with pytest.raises(InputError, match=message):
        quantize(Grid(values), 3)
    with pytest.raises(InputError, match=message):
        mixot.torch.cost(torch.tensor(POINTS), mixot.torch.Grid(torch.tensor(values)))
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        with pytest.raises(InputError, match=message):
            mixot.jax.cost(POINTS, mixot.jax.Grid(jax.numpy.asarray(values)))
    finally:
        jax.config.update("jax_enable_x64", before)
