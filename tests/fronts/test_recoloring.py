"""Natural recoloring: what must hold for any picture, and what the command tells of it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mixot import Gaussian, InputError, Mixture, datasets
from mixot.formulas.oklab import from_oklab, to_oklab
from mixot.imaging.color import Palette, RecolorOptions, recoloring, transfer
from mixot.imaging.natural import ColorCounts, ColorTable, count_colors, mixture_counts, move_without_grain, natural_map
from mixot.imaging.natural.color_map import between
from mixot.imaging.natural.fitting import affine_start

PHOTO, PALETTE = (datasets.photograph(name)[::4, ::4] for name in ("coffee", "rocket"))


def counts(picture):
    return count_colors(picture.reshape(-1, 3))


# Oklab


def test_oklab_has_greys_on_an_axis_and_an_inverse(rng):
    colors = rng.random((500, 3))
    np.testing.assert_allclose(from_oklab(to_oklab(colors)), colors, atol=1e-12)
    greys = to_oklab(np.repeat(np.linspace(0, 1, 256)[:, None], 3, axis=1))
    assert np.abs(greys[:, 1:]).max() < 1e-6
    assert (np.diff(greys[:, 0]) > 0).all()
    assert np.diff(greys[:, 0]).max() < 0.02  # no step of 8 bits is a jump, near black either
    np.testing.assert_allclose(greys[[0, -1], 0], [0, 1], atol=1e-7)
    # Ottosson's own values of Oklab, brought through his toe
    red = np.array([0.62796, 0.22486, 0.12585])
    k1, k2, k3 = 0.206, 0.03, 1.206 / 1.03
    toe = (k3 * red[0] - k1 + np.sqrt((k3 * red[0] - k1) ** 2 + 4 * k2 * k3 * red[0])) / 2
    np.testing.assert_allclose(to_oklab(np.array([1.0, 0.0, 0.0])), red * toe / red[0], atol=2e-5)


# The map


def test_the_affine_start_between_gaussians_is_the_optimal_map(rng):
    a, b = (q @ q.T / 40 + 0.02 * np.eye(3) for q in rng.standard_normal((2, 3, 3)))
    linear, shift = affine_start((np.full(3, 0.2), a), (np.full(3, 0.6), b), gain=1e3)
    low, high = np.linalg.eigvalsh(linear)[[0, -1]]
    assert 0.3 < low < high  # nothing is held, so the closed form must come out
    np.testing.assert_allclose(linear, linear.T, atol=1e-12)
    np.testing.assert_allclose(linear @ a @ linear.T, b, atol=1e-12)
    np.testing.assert_allclose(linear @ np.full(3, 0.2) + shift, np.full(3, 0.6), atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 1.5, 2.5])
def test_no_difference_grows_beyond_the_gain(gain):
    source = counts(PHOTO)
    found = natural_map(source, counts(PALETTE[:, ::-1]), gain=gain)
    slopes = found.smooth.jacobian(source.colors)
    tempered = source.weights**0.5
    for value, bound in ((np.linalg.norm(slopes, 2, axis=(1, 2)), 1.1 * gain), (-_least(slopes), -0.1)):
        assert tempered[value <= bound + 1e-9].sum() >= 0.96 * tempered.sum()


def _least(slopes):
    return np.linalg.eigvalsh((slopes + slopes.swapaxes(1, 2)) / 2)[:, 0]


def test_the_jacobian_is_that_of_the_map(rng):
    smooth = natural_map(counts(PHOTO), counts(PALETTE)).smooth
    colors, step = to_oklab(rng.random((20, 3))), 1e-5 * np.eye(3)
    numeric = np.stack([(smooth(colors + e) - smooth(colors - e)) / 2e-5 for e in step], axis=-1)
    np.testing.assert_allclose(smooth.jacobian(colors), numeric, atol=1e-6)


def test_colors_reach_the_palette():
    source, palette = counts(PHOTO), counts(PALETTE)
    moved = ColorCounts(natural_map(source, palette)(source.colors), source.weights)
    axes, levels = np.eye(3), (np.arange(99) + 0.5) / 99
    before, after = (
        np.abs(law.quantiles(axes, levels) - palette.quantiles(axes, levels)).mean() for law in (source, moved)
    )
    assert after < 0.2 * before


def test_the_order_of_pixels_does_not_matter(rng):
    pixels = PHOTO.reshape(-1, 3)
    mixed = count_colors(rng.permutation(pixels))
    again, first = (natural_map(law, counts(PALETTE))(mixed.colors) for law in (mixed, count_colors(pixels)))
    np.testing.assert_allclose(again, first, atol=1e-9)
    twice = count_colors(np.concatenate([pixels, pixels]))
    np.testing.assert_allclose(twice.weights, mixed.weights, atol=1e-12)


def test_brighter_greys_stay_brighter():
    table = natural_map(counts(PHOTO), counts(PALETTE)).table()
    greys = table(np.repeat(np.linspace(0, 1, 200)[:, None], 3, axis=1))
    assert np.diff(to_oklab(greys)[:, 0]).min() > -1e-3  # between two entries of the table


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_photo_with_its_own_colors_stays(dtype):
    photo = PHOTO.astype(dtype) * np.asarray(np.iinfo(dtype).max // 255, dtype)
    moved = transfer(photo, photo)
    assert np.abs(moved.astype(float) - photo).mean() < 0.008 * np.iinfo(dtype).max


def test_a_mixture_is_a_palette_like_its_draws(rng):
    law = Mixture([0.7, 0.3], Gaussian([[0.2, 0.3, 0.6], [0.8, 0.6, 0.3]], np.tile(0.004 * np.eye(3), (2, 1, 1))))
    drawn = count_colors(np.clip(law.sample(40000, rng=rng), 0, 1))
    levels = (np.arange(49) + 0.5) / 49
    ours, theirs = (x.quantiles(np.eye(3), levels) for x in (mixture_counts(law, "rgb"), drawn))
    np.testing.assert_allclose(ours, theirs, atol=0.02)  # half a cell of 1/40, and draws
    by_model, by_draws = (
        transfer(PHOTO, palette) for palette in (Palette(law), np.clip(law.sample(40000, rng=rng), 0, 1)[None])
    )
    assert np.abs(by_model.astype(float) - by_draws).mean() < 4


# Strength, and what is kept


def test_strength_zero_moves_nothing_and_half_lies_between():
    none, half, full = (transfer(PHOTO, PALETTE, strength=s).astype(float) for s in (0, 0.5, 1))
    assert np.abs(none - PHOTO).max() <= 1
    lab = [to_oklab(x.mean(axis=(0, 1)) / 255)[0] for x in (none, half, full)]
    assert sorted(lab) in (lab, lab[::-1])


def test_opposite_hues_do_not_meet_in_grey():
    blue, orange = np.array([[0.5, -0.05, -0.1]]), np.array([[0.6, 0.05, 0.09]])
    chroma = np.hypot(*between(blue, orange, 0.4)[0, 1:])
    assert chroma > 1.5 * np.hypot(*(blue + 0.4 * (orange - blue))[0, 1:])
    for end, strength in ((blue, 0.0), (orange, 1.0)):
        np.testing.assert_allclose(between(blue, orange, strength), end, atol=1e-12)


def test_what_is_to_be_kept_is_kept():
    lightness = transfer(PHOTO / 255, PALETTE, keep="lightness", grain=False)
    assert np.abs(to_oklab(lightness) - to_oklab(PHOTO / 255))[..., 0].mean() < 0.01
    greys = np.repeat(PHOTO[..., :1], 3, axis=2)
    assert np.ptp(transfer(greys, PALETTE, keep="neutrals").astype(int), axis=2).max() <= 3
    assert np.ptp(transfer(greys, PALETTE).astype(int), axis=2).max() > 20


def test_whites_stay_white_where_the_palette_has_white(rng):
    sky = np.clip(np.array([0.3, 0.5, 0.9]) + 0.1 * rng.standard_normal((40, 40, 3)), 0, 1)
    with_white = sky.copy()
    with_white[:6] = 0.97
    paper = np.clip(np.array([0.8, 0.5, 0.3]) + 0.1 * rng.standard_normal((40, 40, 3)), 0, 1)
    paper[:4] = 0.98
    tint = [np.ptp(transfer(paper, palette)[:3], axis=-1).mean() for palette in (sky, with_white)]
    assert tint[1] < 0.03 < tint[0]


def test_grain_keeps_its_size(rng):
    flat = np.clip(0.5 + 0.008 * rng.standard_normal((80, 80, 3)), 0, 1)
    flat[:, :20] = 0.3
    negative = ColorTable(np.clip(0.5 + 2.0 * (ColorTable.identity(17).values - 0.5), 0, 1))  # gain 2
    moved, plain = move_without_grain(flat, negative), negative(flat)
    inside = (slice(20, 60), slice(40, 70))
    assert moved[inside].std() == pytest.approx(1.15 * flat[inside].std(), rel=0.15)  # with gain 1 / (1 + eps / var)
    assert plain[inside].std() == pytest.approx(2 * flat[inside].std(), rel=0.05)
    edge = moved[:, 22:].mean() - moved[:, :18].mean()
    assert edge == pytest.approx(2 * (flat[:, 22:].mean() - flat[:, :18].mean()), rel=0.03)  # no halo, no loss


# Masks and alpha


def test_a_mask_counts_and_moves():
    mask = np.zeros(PHOTO.shape[:2], bool)
    mask[:, :30] = True
    moved = transfer(PHOTO, PALETTE, mask=mask)
    np.testing.assert_array_equal(moved[:, 30:], PHOTO[:, 30:])
    loud = PHOTO.copy()
    loud[:, 30:] = [255, 0, 255]
    for grain in (True, False):
        same = transfer(loud, PALETTE, mask=mask, grain=grain)
        np.testing.assert_array_equal(same[:, :20], transfer(PHOTO, PALETTE, mask=mask, grain=grain)[:, :20])
    partly = transfer(PHOTO, PALETTE, mask=np.full(mask.shape, 0.5), grain=False).astype(float)
    np.testing.assert_allclose(partly, (PHOTO + transfer(PHOTO, PALETTE, grain=False).astype(float)) / 2, atol=1.01)
    with pytest.raises(InputError, match="mask is black everywhere"):
        transfer(PHOTO, PALETTE, mask=~mask & mask)
    with pytest.raises(InputError, match="of one size"):
        transfer(PHOTO, PALETTE, mask=mask[:5])


def test_hidden_pixels_say_nothing(rng):
    alpha = np.full((*PHOTO.shape[:2], 1), 255, np.uint8)
    alpha[:, :40] = 0
    hidden, loud = np.concatenate([PHOTO, alpha], axis=2), np.concatenate([PHOTO, alpha], axis=2)
    loud[:, :40, :3] = rng.integers(0, 255, (len(PHOTO), 40, 3))
    first, second = (transfer(x, PALETTE) for x in (hidden, loud))
    np.testing.assert_array_equal(first[:, 40:], second[:, 40:])
    np.testing.assert_array_equal(first[..., 3:], alpha)
    done = recoloring(np.zeros((4, 4, 4), np.uint8), PALETTE)
    assert "transparent" in done.notes[0]
    with pytest.raises(InputError, match="transparent everywhere"):
        transfer(PHOTO, np.zeros((4, 4, 4), np.uint8))


# Strange pictures


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 1), (2, 40)])
def test_tiny_pictures(shape, rng):
    tiny = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert transfer(tiny, PALETTE).shape == tiny.shape
    assert transfer(PHOTO, tiny).shape == PHOTO.shape


@pytest.mark.parametrize("color", [[200, 80, 40], [0, 0, 0], [255, 255, 255]])
def test_palettes_of_one_color(color):
    done = recoloring(PHOTO, np.full((4, 4, 3), color, np.uint8))
    assert "of one color" in done.notes[-1]
    tint = to_oklab(np.array(color) / 255)
    np.testing.assert_allclose(to_oklab(done.pixels.reshape(-1, 3).mean(axis=0) / 255), tint, atol=0.06)


def test_options_of_the_other_map_choose_it_and_say_so():
    done = recoloring(PHOTO, PALETTE, RecolorOptions(k=3, space="rgb"), rng=0)
    assert done.map == "mean"
    assert done.notes == ("k and space belong to the map between mixtures, which was used instead of the natural one",)
    faithful = recoloring(PHOTO, PALETTE, RecolorOptions(faithful=True, k=3), rng=0)
    assert faithful.notes == ()
    np.testing.assert_array_equal(done.pixels, faithful.pixels)
    weak = transfer(PHOTO, PALETTE, faithful=True, k=3, strength=0, rng=0)
    assert np.abs(weak.astype(int) - PHOTO).max() <= 1
    with pytest.raises(InputError, match="choose one of the two"):
        RecolorOptions(keep="lightness", smooth=3)
    with pytest.raises(InputError, match=r"strength must lie in \[0, 1\]"):
        RecolorOptions(strength=1.5)
    with pytest.raises(InputError, match="gain must be"):
        transfer(PHOTO, PALETTE, gain=0.5)


# The command


@pytest.fixture
def told(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    Image.fromarray(PALETTE).save(tmp_path / "palette.png")

    def run(*words):
        command = [sys.executable, "-m", "mixot", "recolor", "photo.png", "--palette", "palette.png", "-o", "out.png"]
        done = subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        return done, np.asarray(Image.open(tmp_path / "out.png")) if (tmp_path / "out.png").exists() else None

    return run


def test_the_command_recolors_naturally(told):
    done, out = told("--strength", "0.5", "--keep", "lightness", "--gain", "2", "--json")
    facts = json.loads(done.stdout)
    wanted = {
        "map": "natural",
        "strength": 0.5,
        "keep": "lightness",
        "gain": 2.0,
        "space": "oklab",
        "k": None,
        "notes": [],
    }
    assert {name: facts[name] for name in wanted} == wanted
    np.testing.assert_array_equal(out, transfer(PHOTO, PALETTE, strength=0.5, keep="lightness", gain=2))


def test_the_command_says_which_map_it_took(told):
    done, out = told("-k", "2", "--json")
    assert json.loads(done.stdout)["map"] == "mean"
    assert "k belongs to the map between mixtures" in json.loads(done.stdout)["notes"][0]
    assert "note: k belongs" in done.stderr
    np.testing.assert_array_equal(out, transfer(PHOTO, PALETTE, k=2, rng=0))


def test_the_command_refuses_options_of_both_maps(told):
    done, out = told("-k", "2", "--keep", "lightness")
    assert done.returncode == 1
    assert "choose one of the two" in done.stderr
    assert out is None
