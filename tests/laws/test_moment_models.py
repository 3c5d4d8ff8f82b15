"""What a family owes the relaxations: its moments as polynomials, units, and a region that holds the data's laws."""

import numpy as np
import pytest

from mixot import InputError, Mixture, UnsupportedError
from mixot.families.moment_model import Extent
from mixot.families.registry import lookup, registered
from mixot.families.roles import Polynomial, plays, require
from mixot.formulas.polynomial.moments import exponents
from mixot.formulas.polynomial.polynomials import symbols
from mixot.formulas.polynomial.regions import enclosing_box

POLYNOMIAL = [name for name, law in registered().items() if plays(law, Polynomial)]
MORE = [  # besides each family as it is: dimensions, structures, and parameters all of degree 1 as published
    ("gaussian", 2, "full", True),
    ("gaussian", 3, "full", False),
    ("gaussian", 2, "diagonal", True),
    ("diagonal", 2, "full", True),
    ("diagonal", 2, "diagonal", False),
    ("diagonal", 3, "spherical", True),
    ("laplace", 1, "full", False),
]


def on_the_line(law):
    """The model of the family on the line; what it must be told of a parameter is what an example has."""
    try:
        return law.moment_model(1)
    except InputError:
        (example,) = (law.example(np.random.default_rng(0), 1).parameters()[name] for name in law.holdable)
        return law.moment_model(1, fixed={law.holdable[0]: float(example[0])})


@pytest.fixture(params=[*POLYNOMIAL, *MORE], ids=lambda case: "-".join(map(str, np.atleast_1d(case))))
def model(request):
    if isinstance(request.param, str):
        return on_the_line(lookup(request.param))
    name, dim, structure, weighted = request.param
    return lookup(name).moment_model(dim, structure=structure, weighted=weighted)


def random_parameters(model, rng, k):
    """Parameters in the middle of a region; covariances stay definite."""
    theta = rng.uniform(0.5, 1.5, size=(k, len(model.parameters)))
    for i, parameter in enumerate(model.parameters):
        if sorted(parameter.units)[-2:] == [1, 1]:
            theta[:, i] *= 0.2
        if parameter.name == "prob":
            theta[:, i] *= 0.6
    return theta


def test_polynomials_are_the_moments_of_the_laws(model, rng):
    theta = random_parameters(model, rng, 4)
    polynomials = model.moments(symbols(len(model.parameters)), 6)
    direct = model.laws(theta).moments(6)
    np.testing.assert_allclose(np.stack([p(theta) for p in polynomials], axis=1), direct, rtol=1e-12)


def test_the_moment_of_degree_n_has_weighted_degree_at_most_n(model):
    polynomials = model.moments(symbols(len(model.parameters)), 5)
    for polynomial, power in zip(polynomials, exponents(model.dim, 5), strict=True):
        assert polynomial.degree(model.degrees) <= power.sum()


def test_units_tell_how_parameters_follow_the_axes(model, rng):
    scale = rng.uniform(0.5, 2.0, model.dim)
    scale = np.full(model.dim, scale[0]) if model.isotropic else scale
    theta = random_parameters(model, rng, 3)
    if not model.scales:
        return  # counts have one unit
    moved = model.laws(theta * model.factors(scale)).moments(4)
    np.testing.assert_allclose(moved, model.laws(theta).moments(4) * (scale ** exponents(model.dim, 4)).prod(axis=1))
    if model.moves:
        center = rng.normal(size=model.dim)
        np.testing.assert_allclose(model.laws(theta + model.offsets(center)).mean(), model.laws(theta).mean() + center)


def test_the_default_region_holds_a_law_of_the_datas_mean(model, rng):
    extent = Extent(np.full(model.dim, 0.0), np.full(model.dim, 4.0), np.full(model.dim, 1.0), np.eye(model.dim))
    box = enclosing_box(model.region(extent), model.names)
    theta = np.clip(random_parameters(model, rng, 1), box[:, 0], box[:, 1])
    for constraint in model.region(extent):
        for matrix in constraint.matrices(symbols(len(theta[0])), model.degrees):
            value = np.array([[entry(theta)[0] for entry in row] for row in matrix])
            assert np.linalg.eigvalsh(value)[0] >= -1e-12


def test_families_without_polynomial_moments_refuse_and_name_those_that_have_them():
    with pytest.raises(UnsupportedError, match=r"the student family does not say .*: .*gaussian.*poisson"):
        require(lookup("student"), Polynomial)


def test_gamma_asks_for_a_fixed_shape():
    with pytest.raises(InputError, match=r'fixed=\{"shapes": 2\.0\}'):
        lookup("gamma").moment_model(1)


def test_a_full_covariance_region_is_a_matrix_interval(rng):
    model = lookup("gaussian").moment_model(2)
    extent = Extent(np.array([-1.0, -10.0]), np.array([1.0, 10.0]), np.zeros(2), np.diag([0.1, 10.0]))
    theta = symbols(5)
    above, below = model.region(extent)[1].matrices(theta, model.degrees)
    inside = np.array([[0.0, 0.0, 0.5, 3.0, 60.0]])
    outside = np.array([[0.0, 0.0, 0.5, 9.0, 60.0]])  # determinant 30 - 81 < 0, though each entry is in the box
    values = [
        min(np.linalg.eigvalsh(np.array([[e(at)[0] for e in row] for row in m]))[0] for m in (above, below))
        for at in (inside, outside)
    ]
    assert values[0] > 0 > values[1]
    assert isinstance(Mixture([1.0], model.laws(inside)).cov(), np.ndarray)
