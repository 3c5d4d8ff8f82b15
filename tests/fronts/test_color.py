"""Color transfer: laws on types, ranges and transparency, and what it must do to colors."""

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, distance, fit
from mixot.imaging.color import Palette, fit_colors, transfer
from mixot.imaging.guided import guided_filter

WARM, COLD = (0.8, 0.45, 0.2), (0.2, 0.35, 0.7)


def picture(rng, center, shape=(40, 30), spread=0.06):
    """Two soft stains of color, floats in [0, 1]."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 0.12 * np.sin(x / 5)[..., None] + 0.1 * (y / shape[0])[..., None] * np.array([1, 0.3, -0.5])
    return np.clip(np.array(center) + light + spread * rng.standard_normal((*shape, 3)) / 2, 0, 1)


def as_bits(image, dtype):
    return np.rint(image * np.iinfo(dtype).max).astype(dtype) if np.dtype(dtype).kind == "u" else image.astype(dtype)


DTYPES = [np.uint8, np.uint16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("space", ["rgb", "lab"])
@pytest.mark.parametrize("smooth", [None, 4])
def test_the_palette_reaches_the_picture(dtype, space, smooth, rng):
    image, palette = as_bits(picture(rng, COLD), dtype), picture(rng, WARM, (25, 50))
    out = transfer(image, palette, k=2, space=space, smooth=smooth, rng=0)
    assert out.dtype == image.dtype
    assert out.shape == image.shape
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    np.testing.assert_allclose(out.mean(axis=(0, 1)) / top, palette.mean(axis=(0, 1)), atol=0.02)


def test_the_distance_to_the_palette_shrinks(rng):
    image, palette = picture(rng, COLD), picture(rng, WARM)
    out = transfer(image, palette, k=3, rng=0)
    law = fit_colors(palette, k=3, rng=1).mixture
    before, after = (distance(fit_colors(x, k=3, rng=1).mixture, law) for x in (image, out))
    assert after < 0.15 * before


@pytest.mark.parametrize("space", ["rgb", "lab"])
@pytest.mark.parametrize("smooth", [None, 5])
def test_a_picture_with_its_own_palette_stays(space, smooth, rng):
    image = as_bits(picture(rng, COLD), np.uint8)
    palette = Palette.of(image, k=3, space=space, rng=7)
    out = transfer(image, palette, k=3, space=space, smooth=smooth, rng=7)
    assert np.abs(out.astype(int) - image).max() <= 1  # the same fit, so the identity up to rounding


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_alpha_stays_and_transparent_pixels_do_not_vote(channels, dtype, rng):
    color = picture(rng, COLD)[..., : channels - 1]
    alpha = (rng.random((40, 30, 1)) > 0.5).astype(float)
    image = as_bits(np.concatenate([color, alpha], axis=2), dtype)
    loud = image.copy()
    loud[alpha[..., 0] == 0, : channels - 1] = np.asarray(as_bits(np.array(0.98), dtype))  # seen by nobody
    palette = picture(rng, WARM)
    out, same = (transfer(x, palette, k=2, rng=3) for x in (image, loud))
    assert out.shape == (40, 30, 4)
    np.testing.assert_array_equal(out[..., -1], image[..., -1])
    np.testing.assert_array_equal(out[alpha[..., 0] == 1], same[alpha[..., 0] == 1])


def test_a_picture_that_is_all_transparent_stays(rng):
    image = np.zeros((5, 5, 4), np.uint8)
    np.testing.assert_array_equal(transfer(image, picture(rng, WARM), k=2), image)
    with pytest.raises(InputError, match="transparent everywhere"):
        Palette.of(image)


def test_eight_and_sixteen_bits_agree(rng):
    image, palette = as_bits(picture(rng, COLD), np.uint8), as_bits(picture(rng, WARM), np.uint8)
    eight = transfer(image, palette, k=2, rng=0)
    sixteen = transfer(image.astype(np.uint16) * 257, palette.astype(np.uint16) * 257, k=2, rng=0)
    assert np.abs(eight - sixteen / 257).max() <= 0.51  # half a step of rounding


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_are_rounded_to_the_nearest(dtype, rng):
    top = np.iinfo(dtype).max
    image, palette = as_bits(picture(rng, COLD), dtype), picture(rng, WARM)
    whole = transfer(image, palette, k=2, rng=0)
    exact = transfer((image / top).astype(np.float32), palette, k=2, rng=0) * top
    assert np.abs(whole - exact).max() <= 0.5 + 1e-5 * top  # float32
    assert abs((whole - exact).mean()) < 0.05  # no step down


def test_grey_stays_grey_under_grey_and_takes_color_by_brightness(rng):
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (8, 1))
    brighter = (128 + ramp // 2).astype(np.uint8)
    out = transfer(ramp, brighter, k=1, rng=0)
    assert out.shape == ramp.shape
    assert np.abs(out.astype(int) - brighter).max() <= 2
    assert transfer(ramp[..., None], brighter, k=1, rng=0).shape == (8, 64, 1)
    sunset = np.stack([ramp, ramp // 2, 40 + ramp // 8], axis=-1).astype(np.uint8)
    colored = transfer(ramp, sunset, k=1, rng=0)
    assert colored.shape == (8, 64, 3)
    assert np.abs(colored.astype(int) - sunset).max() <= 3


def test_a_color_picture_under_a_grey_palette_turns_grey(rng):
    out = transfer(picture(rng, COLD), picture(rng, WARM)[..., 0], k=2, rng=0)
    assert out.shape == (40, 30, 3)
    assert np.ptp(out, axis=2).max() < 0.05


@pytest.mark.parametrize("palette", [np.full((6, 6, 3), 200, np.uint8), np.full((6, 6), 50, np.uint8)])
def test_constant_pictures_work(palette, rng):
    flat = np.full((9, 9, 3), 90, np.uint8)
    np.testing.assert_allclose(transfer(flat, palette, rng=0), np.full((9, 9, 3), palette.mean()), atol=1)
    spread = transfer(picture(rng, COLD), palette / 255, k=2, rng=0)
    np.testing.assert_allclose(spread.mean(axis=(0, 1)), palette.mean(axis=(0, 1)) / 255, atol=0.01)


def test_few_colors_take_fewer_components(rng):
    two = np.zeros((8, 8, 3), np.uint8)
    two[:4] = 255
    assert len(fit_colors(two, k=10, rng=0).mixture) <= 2
    assert transfer(two, picture(rng, WARM), k=10, rng=0).shape == two.shape


def test_counting_colors_keeps_their_mean_and_covariance(rng):
    image = picture(rng, COLD)
    colors = image.reshape(-1, 3)
    law = fit_colors(image, k=1, rng=0).mixture
    np.testing.assert_allclose(law.mean(), colors.mean(axis=0), atol=1e-6)  # float32 colors
    np.testing.assert_allclose(law.cov(), np.cov(colors.T, bias=True), atol=2e-5)  # a cell of side 1/64


def test_a_palette_serves_many_pictures_and_can_be_a_model(rng):
    sunset = Palette(Mixture([1.0], Gaussian([WARM], 0.003 * np.eye(3)[None])))
    for _ in range(2):
        out = transfer(picture(rng, COLD), sunset, k=2, rng=0)
        np.testing.assert_allclose(out.mean(axis=(0, 1)), WARM, atol=0.02)
    with pytest.raises(InputError, match="dimension 3"):
        Palette(Mixture([1.0], Gaussian([0.0], [1.0])))
    with pytest.raises(InputError, match="space 'rgb'"):
        transfer(picture(rng, COLD), sunset, space="lab")


def test_random_maps_are_repeatable(rng):
    image, palette = picture(rng, COLD), picture(rng, WARM)
    first, second = (transfer(image, palette, k=2, kind="random", rng=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_progress_ends_with_the_last_row(rng):
    ticks = []
    transfer(picture(rng, COLD), picture(rng, WARM), k=1, rng=0, progress=ticks.append)
    assert (ticks[-1].stage, ticks[-1].step, ticks[-1].total) == ("moving colors", 40, 40)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 3, 5), np.uint8), "shape"),
        (np.zeros(3, np.uint8), "shape"),
        (np.zeros((0, 3, 3), np.uint8), "shape"),
        (np.zeros((3, 3, 3), np.int64), "uint8, uint16 or floats"),
        (np.full((3, 3, 3), 7.0), r"\[0, 1\], got 7 to 7"),
        (np.full((3, 3, 3), np.nan), r"\[0, 1\]"),
    ],
)
def test_what_is_no_picture_is_refused(image, message, rng):
    with pytest.raises(InputError, match=message):
        transfer(image, picture(rng, WARM))
    with pytest.raises(InputError, match=message):
        transfer(picture(rng, WARM), image)


# The guided filter


def test_an_affine_field_of_the_guide_passes_unchanged(rng):
    guide = rng.random((50, 41, 3)).astype(np.float32)
    field = guide @ rng.standard_normal((3, 2)).astype(np.float32) + np.float32(0.3)
    out = guided_filter(guide, field, radius=2, eps=1e-7)
    np.testing.assert_allclose(out, field, atol=2e-4)  # the ridge eps, and float32


def test_on_a_flat_guide_it_is_a_mean_of_means(rng):
    guide = np.full((40, 40, 3), 0.5, np.float32)
    field = rng.standard_normal((40, 40, 1)).astype(np.float32)
    out = guided_filter(guide, field, radius=3, eps=1e-3)
    assert out.std() < 0.2 * field.std()
    np.testing.assert_allclose(out.mean(), field.mean(), atol=0.05)


@pytest.mark.parametrize("radius", [1, 3, 6, 16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (33, 2), (37, 64)])
def test_any_radius_on_any_shape_keeps_constants(radius, shape, rng):
    guide = rng.random((*shape, 3)).astype(np.float32)
    field = np.broadcast_to(np.float32([0.2, -0.7, 1.0]), (*shape, 3))
    np.testing.assert_allclose(guided_filter(guide, field, radius=radius, eps=1e-3), field, atol=1e-5)


def test_grain_goes_and_edges_stay(rng):
    guide = np.zeros((64, 64, 3), np.float32)
    guide[:, 32:] = 0.8
    guide += 0.004 * rng.standard_normal(guide.shape).astype(np.float32)
    clean = np.where(np.arange(64)[:, None] < 32, 0.0, 0.4).astype(np.float32) * np.ones((64, 1, 3), np.float32)
    noisy = clean + 0.1 * rng.standard_normal(clean.shape).astype(np.float32)
    out = guided_filter(guide, noisy, radius=6, eps=1e-3)
    assert np.abs(out - clean).mean() < 0.25 * np.abs(noisy - clean).mean()
    assert np.abs((out[:, 34] - out[:, 29]).mean() - 0.4) < 0.08


def test_the_strong_transfer_of_a_flat_region_loses_its_grain(rng):
    flat = np.clip(0.5 + 0.004 * rng.standard_normal((48, 48, 3)), 0, 1)
    wide = Palette(Mixture([1.0], Gaussian([[0.5, 0.5, 0.5]], 0.02 * np.eye(3)[None])))
    plain = transfer(flat, wide, k=1, rng=0)
    smooth = transfer(flat, wide, k=1, rng=0, smooth=8)
    assert np.abs(np.diff(smooth, axis=1)).mean() < 0.3 * np.abs(np.diff(plain, axis=1)).mean()


def test_the_fit_is_the_fit_of_the_verbs(rng):
    """A picture whose colors lie on the centers of distinct cells loses nothing by being counted."""
    levels = (np.arange(4) * 16 + 8) / 64 + 1 / 128
    image = rng.choice(levels, (30, 30, 3))
    ours = fit_colors(image, k=1, rng=0).mixture
    theirs = fit(image.reshape(-1, 3), k=1, rng=0).mixture
    np.testing.assert_allclose(ours.cov(), theirs.cov(), atol=1e-4)
