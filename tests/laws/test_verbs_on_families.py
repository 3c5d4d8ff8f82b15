"""The verbs on every family: fitted by name, compared, moved, saved and read again."""

import numpy as np
import pytest

from mixot import FamilyEM, Gamma, Mixture, Poisson, Product, StudentT, UnsupportedError, distance, fit, load, save
from mixot import transport_map as transport


def test_random_maps_push_forward(moving_family, rng):
    p, q = Mixture([0.3, 0.7], moving_family.example(rng, 2)), Mixture([0.6, 0.4], moving_family.example(rng, 2))
    n = 20_000
    x = p.sample(n, rng=rng)
    moved = transport(p, q, kind="random")
    y = moved.sample(x, rng=1)
    assert (np.abs(y.mean(axis=0) - q.mean()) < 5 * np.sqrt(np.diagonal(q.cov()) / n)).all()
    spread = (y - q.mean()) ** 2
    assert (np.abs(spread.mean(axis=0) - np.diagonal(q.cov())) < 5 * spread.std(axis=0) / np.sqrt(n)).all()
    spent = ((x - y) ** 2).sum(axis=1)
    assert abs(spent.mean() - distance(p, q) ** 2) < 5 * spent.std() / np.sqrt(n)
    np.testing.assert_array_equal(moved(x[:50], rng=2), moved.sample(x[:50], rng=2))
    assert (np.abs(transport(p, q)(x).mean(axis=0) - q.mean()) < 5 * np.sqrt(np.diagonal(q.cov()) / n)).all()


def test_moving_a_mixture_onto_itself_moves_nothing(moving_family, rng):
    p = Mixture([1.0], moving_family.example(rng, 1))
    x = p.sample(100, rng=rng)
    np.testing.assert_allclose(transport(p, p)(x), x, rtol=1e-7, atol=1e-7)


def test_exponential_onto_gamma_by_widening():
    from mixot import Exponential

    p, q = Mixture([1.0], Exponential([2.0])), Mixture([1.0], Gamma([1.0], [3.0]))
    np.testing.assert_allclose(transport(p, q)([[1.0], [2.0]]), [[6.0], [12.0]], rtol=1e-12)
    assert distance(p, q) == pytest.approx(np.sqrt(2) * 2.5, rel=1e-12)


def test_the_law_of_y_given_x_is_refused_where_it_is_no_mixture():
    p, q = Mixture([1.0], Poisson([2.0])), Mixture([1.0], Poisson([3.0]))
    with pytest.raises(UnsupportedError, match=r"map\.sample"):
        transport(p, q, kind="random").conditional([1.0])


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")  # counts repeat, and a Gamma component may take one
@pytest.mark.parametrize("name", ["poisson", "exponential", "gamma", "student", "gamma,poisson"])
def test_fit_finds_families_by_name(name, rng):
    x = rng.poisson(4.0, (300, 1 + ("," in name))) + 1.0
    found = fit(x, name, k=2, rng=0)
    assert found.mixture.components.name == ("product" if "," in name else name)
    assert found.mixture.mean() == pytest.approx(x.mean(axis=0), rel=0.05)


def test_options_of_the_family_go_with_the_method(rng):
    assert fit(rng.standard_t(4, 200), "student", k=1, method=FamilyEM(fixed={"df": 7.0})).mixture.components.df == 7.0


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_products_are_saved(tmp_path, rng, suffix):
    p = Mixture(
        [0.5, 0.5], Product((Gamma.example(rng, 2), StudentT([0.0, 1.0], [1.0, 2.0], 5.0), Poisson([1.0, 2.0])))
    )
    save(p, tmp_path / f"p{suffix}")
    q = load(tmp_path / f"p{suffix}")
    x = p.sample(10, rng=rng)
    np.testing.assert_array_equal(q.log_density(x), p.log_density(x))
