"""Palettes: kept in files, averaged exactly, laid out from corner to corner."""

import json

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, distance, load, save
from mixot.imaging.color import Palette, fit_colors, transfer
from mixot.imaging.palettes import average_palettes, corner_weights, load_palette, save_palette
from mixot.imaging.swatches import swatches_of
from mixot.io import kind_of


def random_palette(rng, k=3, space="rgb", grey=False):
    spread = rng.normal(size=(k, 3, 3)) * 0.04
    covs = spread @ spread.swapaxes(1, 2) + 1e-4 * np.eye(3)
    return Palette(Mixture(rng.dirichlet(np.ones(k)), Gaussian(rng.uniform(0.2, 0.8, (k, 3)), covs)), space, grey)


def same(one, other):
    np.testing.assert_array_equal(one.mixture.weights, other.mixture.weights)
    for name, value in one.mixture.components.parameters().items():
        np.testing.assert_array_equal(other.mixture.components.parameters()[name], value, err_msg=name)
    assert (one.space, one.grey) == (other.space, other.grey)


@pytest.mark.parametrize("grey", [False, True])
def test_a_palette_comes_back_to_the_last_bit(grey, rng, tmp_path):
    before = random_palette(rng, grey=grey)
    save_palette(before, tmp_path / "p.json")
    same(before, load_palette(tmp_path / "p.json"))
    document = json.loads((tmp_path / "p.json").read_text())
    assert (document["format"], document["version"], document["space"]) == ("mixot palette", 1, "rgb")
    assert document["colors"] == [each.hex for each in swatches_of(before.mixture, "rgb")]


def test_the_space_is_kept_and_other_models_are_not_mistaken_for_it(rng, tmp_path):
    pytest.importorskip("skimage")
    before = random_palette(rng, space="lab")
    save_palette(before, tmp_path / "p.json")
    same(before, load_palette(tmp_path / "p.json"))
    with pytest.raises(InputError, match="a palette in the space 'lab'"):
        load(tmp_path / "p.json")


def test_a_palette_in_rgb_is_a_model_and_a_model_is_one(rng, tmp_path):
    palette = random_palette(rng)
    save_palette(palette, tmp_path / "p.json")
    assert kind_of(tmp_path / "p.json") == "model"
    assert distance(load(tmp_path / "p.json"), palette.mixture) == pytest.approx(0.0, abs=1e-7)
    save(palette.mixture, tmp_path / "m.npz")
    same(palette, load_palette(tmp_path / "m.npz"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": "hsv"}, "the space must be one of rgb, lab.*, got 'hsv'"),
        ({"grey": 1}, "grey must be true or false, got 1"),
        ({"version": 9}, "written by a newer mixot"),
        ({"format": "other"}, "JSON, but not a mixot model"),
        ({"weights": [0.5, 0.6, 0.7]}, "weights must sum to one"),
    ],
)
def test_damaged_files_are_refused(change, said, rng, tmp_path):
    save_palette(random_palette(rng), tmp_path / "p.json")
    document = json.loads((tmp_path / "p.json").read_text())
    (tmp_path / "p.json").write_text(json.dumps(document | change))
    with pytest.raises(InputError, match=rf"p\.json: {said}"):
        load_palette(tmp_path / "p.json")


def test_a_model_of_other_things_is_no_palette(tmp_path):
    save(Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), tmp_path / "m.json")
    with pytest.raises(InputError, match=r"m\.json: a palette is a mixture of colors, of dimension 3"):
        load_palette(tmp_path / "m.json")


def test_weight_one_is_that_palette(rng):
    palettes = [random_palette(rng, k) for k in (2, 3, 4, 3)]
    for j, palette in enumerate(palettes):
        same(palette, average_palettes(palettes, np.eye(4)[j]))


def test_equal_palettes_are_their_average(rng):
    palette = random_palette(rng)
    mean = average_palettes([palette, palette, palette], [0.2, 0.3, 0.5])
    assert distance(mean.mixture, palette.mixture) == pytest.approx(0.0, abs=1e-6)


def test_the_order_does_not_matter(rng):
    palettes, weights = [random_palette(rng, k) for k in (2, 3, 4)], np.array([0.2, 0.3, 0.5])
    order = [2, 0, 1]
    one = average_palettes(palettes, weights)
    other = average_palettes([palettes[j] for j in order], weights[order])
    objectives = [
        sum(w * distance(mean.mixture, p.mixture) ** 2 for w, p in zip(weights, palettes, strict=True))
        for mean in (one, other)
    ]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-9)
    np.testing.assert_allclose(one.mixture.mean(), other.mixture.mean(), atol=1e-12)


def test_one_color_each_gives_the_color_between():
    ends = [
        Palette(Mixture([1.0], Gaussian([[x, 0.5, 1 - x]], [s**2 * np.eye(3)]))) for x, s in ((0.2, 0.1), (0.8, 0.3))
    ]
    mean = average_palettes(ends, [0.25, 0.75]).mixture
    np.testing.assert_allclose(mean.components.means, [[0.65, 0.5, 0.35]])
    np.testing.assert_allclose(mean.components.covs, [0.25**2 * np.eye(3)])  # standard deviations are averaged


def test_grey_are_averages_of_grey_palettes_alone(rng):
    grey, color = random_palette(rng, grey=True), random_palette(rng)
    assert average_palettes([grey, grey]).grey
    assert average_palettes([grey, color], [1.0, 0.0]).grey
    assert not average_palettes([grey, color]).grey


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([0.5, 0.6], "sum to one"),
        ([1.5, -0.5], "must not be negative"),
        ([1.0], "must have shape"),
        (["a", 1], "weights"),
    ],
)
def test_weights_that_are_no_shares_are_refused(weights, said, rng):
    with pytest.raises(InputError, match=said):
        average_palettes([random_palette(rng), random_palette(rng)], weights)


def test_palettes_of_two_spaces_have_no_average(rng):
    with pytest.raises(InputError, match="must live in one space, got rgb, lab"):
        average_palettes([random_palette(rng), random_palette(rng, space="lab")])
    with pytest.raises(InputError, match="expected palettes to average, got none"):
        average_palettes([])


@pytest.mark.parametrize(("count", "places"), [(2, 5), (3, 15), (4, 25)])
def test_grids_have_the_palettes_in_their_corners(count, places):
    rows = corner_weights(count, 5)
    every = np.concatenate(rows)
    assert every.shape == (places, count)
    np.testing.assert_allclose(every.sum(axis=1), 1.0)
    assert every.min() >= 0
    first, last = rows[0], rows[-1]
    corners = {2: [first[0], first[-1]], 3: [first[0], last[0], last[-1]], 4: [first[0], first[-1], last[0], last[-1]]}
    np.testing.assert_array_equal(corners[count], np.eye(count))
    assert len({tuple(np.round(each, 9)) for each in every}) == places


@pytest.mark.parametrize(
    ("count", "size", "said"), [(1, 5, "two, three or four"), (5, 5, "got 5"), (4, 1, "at least 2")]
)
def test_other_grids_are_refused(count, size, said):
    with pytest.raises(InputError, match=said):
        corner_weights(count, size)


def test_a_kept_palette_recolors_as_before(rng, tmp_path):
    photo, other = rng.integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    palette = Palette.of(other, k=2, rng=0)
    save_palette(palette, tmp_path / "p.json")
    kept = load_palette(tmp_path / "p.json")
    np.testing.assert_array_equal(transfer(photo, kept, rng=0), transfer(photo, palette, rng=0))


def test_cards_of_palettes_show_their_colors():
    shade = np.repeat(np.uint8([[[200, 40, 30]], [[30, 40, 200]]]), 20, axis=1)
    card = Palette(fit_colors(shade, k=2, rng=0).mixture)._repr_html_()
    assert "Palette: 2 colors, fitted in rgb" in card
    assert "#c8281e" in card
    assert "50 %" in card
