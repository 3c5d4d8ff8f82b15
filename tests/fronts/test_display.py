"""What results look like: one line with safe digits, and a card that any page may hold."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mixot import (
    OMT,
    Gaussian,
    Interval,
    LogNormal,
    Mixture,
    Poisson,
    Samples,
    barycenter,
    bounds,
    certify,
    fit,
    plan,
)
from mixot.display.svg import round_numbers

EVIL = '<script>alert("x")</script> & "quotes"'


def shown():
    """Results of every kind, by name."""
    rng = np.random.default_rng(0)
    p = Mixture(
        [0.3, 0.7], Gaussian([[0.0, 0.0], [4.0, 1.0]], [np.eye(2), [[1.0, 0.9], [0.9, 1.0]]]), columns=[EVIL, "b"]
    )
    q = Mixture([0.5, 0.5], Gaussian([[1.0, 0.0], [6.0, 1.0]], [np.eye(2), 2 * np.eye(2)]))
    line = Mixture([0.5, 0.5], Gaussian([0.0, 3.0], [1.0, 0.0]))  # one component is an atom
    many = Mixture(rng.dirichlet(np.ones(200)), Gaussian(rng.normal(size=(200, 9)), np.tile(np.eye(9), (200, 1, 1))))
    counts = Mixture([0.5, 0.5], Poisson([2.0, 900.0]))
    x, y = Samples(rng.normal(size=(200, 2))), Samples(rng.normal(size=(150, 2)))
    fitted = fit(rng.normal(size=(60, 1)), rng=0)
    return {
        "mixture": p,
        "atom": line,
        "one": line[1],
        "many": many,
        "counts": counts,
        "huge": Mixture([1.0], LogNormal([0.0], [40.0])),
        "fit": fitted,
        "plan": plan(p, q),
        "omt": plan(p, q, solver=OMT(lam=1.0)),
        "samples": plan(x, y),
        "interval": bounds(p, q),
        "barycenter": barycenter([p, q]),
        "barycenter on the line": barycenter([line, Mixture([1.0], Gaussian([1.0], [4.0]))]),
        "many inputs": barycenter([Mixture([1.0], Gaussian([float(j)], [1.0])) for j in range(9)]),
        "certificate": certify(rng.normal(size=(40, 1)), fit(rng.normal(size=(40, 1)), k=1)),
    }


RESULTS = shown()


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_one_short_line(name):
    line = repr(RESULTS[name])
    assert "\n" not in line
    assert len(line) < 250
    assert line.startswith(type(RESULTS[name]).__name__ + "(")


@pytest.mark.parametrize("name", RESULTS)
def test_a_card_is_small_well_formed_and_says_what_it_shows(name):
    card = RESULTS[name]._repr_html_()
    assert len(card.encode()) < 30_000
    root = ElementTree.fromstring(card)
    assert root.tag == "div"
    assert not re.search(r"<script|<style|<link|javascript:|\son\w+=|https?:", card)  # nothing that a page may refuse
    if name == "huge":
        assert "nothing is drawn" in card
        return
    (picture,) = root.iter("svg")
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == picture.find("title").text
    places = " ".join(each.get("d", "") + each.get("transform", "") for each in picture.iter())
    assert not re.search("nan|inf", places)


def test_names_are_escaped_and_cut():
    card = RESULTS["mixture"]._repr_html_()
    assert "&lt;script&gt;alert(&quot;x&quot;" in card
    assert "quotes" not in card


def test_colors_of_text_are_those_of_the_page():
    text = re.findall(r"<text[^>]*>", RESULTS["fit"]._repr_html_())
    assert text
    assert all('fill="currentColor"' in each for each in text)


def test_proven_ends_are_rounded_outwards():
    interval = Interval(1.23456789, 1.23456789, "a", "b")
    assert repr(interval) == "Interval(lower=1.23456, upper=1.23457, lower_by='a', upper_by='b')"
    assert "1.23456, by a" in interval._repr_html_()
    assert "inf" in Interval(0.0, np.inf, "a", "b")._repr_html_()


def test_lines_of_a_fit_and_a_plan():
    found, best = RESULTS["fit"], RESULTS["plan"]
    assert f"log_likelihood={found.log_likelihood:.6g}, bic={found.bic:.6g}" in repr(found)
    assert repr(best).startswith(f"Plan(2 x 2, MW2={best.distance:.6g}, cost={best.cost:.6g}, gap=")
    assert repr(RESULTS["many"]).count("...") == 1


def test_a_coupling_of_many_keeps_its_mass_in_sums():
    card = RESULTS["samples"]._repr_html_()
    assert "source (200)" in card
    assert "target (150)" in card


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3e-9, 2e-9), (1e5, 3e5), (-1.0, 0.0), (5e8, 6e8)])
def test_ticks_are_round_and_inside(low, high):
    ticks = round_numbers(low, high)
    assert 2 <= len(ticks) <= 7
    assert low - 1e-9 * abs(low) <= ticks[0] < ticks[-1] <= high + 1e-9 * abs(high)
    assert not any(str(tick).startswith("-0.0") and tick == 0 for tick in ticks)
