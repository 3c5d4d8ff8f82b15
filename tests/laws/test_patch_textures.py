"""Textures from patches: equal use, capped copies, exact colors, tori, holes, and the kernels against NumPy."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mixot import InputError, _native
from mixot.imaging.texture.patches import synthesize_patches
from mixot.imaging.texture.patches.choice import edge_coherence, periodicity
from mixot.imaging.texture.patches.colors import ColorLaw
from mixot.imaging.texture.patches.features import patch_table
from mixot.imaging.texture.patches.grids import PatchGrid, carry
from mixot.imaging.texture.patches.matching import Matcher, MatchingOptions
from mixot.threads import thread_count


def stones(rng, shape=(64, 72), color=True):
    """Dark and light stains with soft edges, and two colors."""
    field = gaussian_filter(rng.standard_normal(shape), 2.0)
    light = 0.5 + 0.3 * np.tanh(3 * field / field.std())
    if not color:
        return light.astype(np.float32)
    tint = gaussian_filter(rng.standard_normal((*shape, 3)), (4, 4, 0))
    return np.clip(light[..., None] + 0.05 * tint / tint.std(), 0, 1).astype(np.float32)


def planes(picture):
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0) if picture.ndim == 3 else picture[None])


def seam(picture):
    """How much larger the steps over the left and right edge are than those inside."""
    inside = np.abs(np.diff(picture, axis=1)).mean()
    return float(np.abs(picture[:, 0] - picture[:, -1]).mean() / inside)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("size", [(64, 72), (37, 90), (3, 50), (50, 1)])
@pytest.mark.parametrize("color", [False, True])
def test_any_size_has_the_exemplars_colors(size, color, periodic, rng):
    exemplar = stones(rng, color=color)
    out = synthesize_patches(exemplar, size, periodic=periodic, rng=0).pixels
    assert out.shape == size + exemplar.shape[2:]
    assert out.dtype == np.float32
    law = ColorLaw.of(planes(exemplar))
    found = ColorLaw.of(law.match(planes(out)))
    np.testing.assert_allclose(planes(out).mean(axis=(1, 2)), found.mean, atol=2e-3)  # clipped to [0, 1] afterwards
    if not color and size == exemplar.shape:
        np.testing.assert_allclose(np.sort(out, axis=None), np.sort(exemplar, axis=None), atol=1e-6)


def test_a_seed_gives_the_same_picture_on_any_number_of_threads(rng, monkeypatch):
    exemplar = stones(rng)
    pictures = []
    for threads in ("1", "3"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        pictures.append(synthesize_patches(exemplar, (70, 66), rng=5).pixels)
    np.testing.assert_array_equal(*pictures)
    assert (synthesize_patches(exemplar, (70, 66), rng=6).pixels != pictures[0]).mean() > 0.5


def test_periodic_textures_go_on_at_the_other_side(rng):
    exemplar = stones(rng, (96, 96))
    free, torus = (synthesize_patches(exemplar, (96, 101), periodic=p, rng=1).pixels for p in (False, True))
    for picture in (torus, torus.swapaxes(0, 1)):
        assert seam(picture) < 1.3
    assert seam(free) > 2


def test_a_hole_is_filled_and_nothing_else_changed(rng):
    exemplar = stones(rng, (80, 90))
    mask = np.zeros((80, 90), bool)
    mask[30:55, 20:50] = mask[70:, :] = mask[5, 5] = True
    out = synthesize_patches(exemplar, mask=mask, rng=0).pixels
    np.testing.assert_array_equal(out[~mask], exemplar[~mask])
    hidden = np.where(mask[..., None], 0, exemplar).astype(np.float32)
    np.testing.assert_array_equal(synthesize_patches(hidden, mask=mask, rng=0).pixels, out)  # what it hides is not seen
    assert out[mask].std() == pytest.approx(exemplar[~mask].std(), rel=0.2)


def test_stripes_go_on_through_a_hole():
    y, x = np.mgrid[:72, :80]
    stripes = (0.5 + 0.4 * np.sin(2 * np.pi * x / 8)).astype(np.float32)
    mask = (y - 36) ** 2 + (x - 40) ** 2 < 12**2
    out = synthesize_patches(stripes, mask=mask, rng=0).pixels
    assert np.abs(out - stripes)[mask].mean() < 0.05  # a uniform guess is 0.25 away


def matcher(exemplar, options, w=8, size=None):
    image = planes(exemplar)
    grid = PatchGrid.cover(*(size or exemplar.shape[:2]), w, True)
    table = patch_table(image, w, 4000, grid.shape[0] * grid.shape[1], np.random.default_rng(0))
    return Matcher(table, grid, 0, options)


def test_prices_make_the_use_equal(rng):
    exemplar, other = stones(rng), 0.5 * stones(rng) + 0.3  # of other colors: few patches would win all
    free, equal = (matcher(exemplar, MatchingOptions(prices=prices, share=None)) for prices in (False, True))
    last = [None, None]
    for _ in range(5):  # the lists follow the prices
        last = [
            m.match(planes(other), None if z is None else z.place, None)
            for m, z in zip((free, equal), last, strict=True)
        ]
    free, equal = last
    assert free.unequal > 0.6
    assert equal.unequal < 0.5 * free.unequal
    assert equal.gaps.mean() > free.gaps.mean()  # they cost something


def test_no_offset_copies_more_than_its_share(rng):
    exemplar = stones(rng)

    def largest(share):
        match = matcher(exemplar, MatchingOptions(share=share, passes=60))
        last = tuple(np.minimum(z, n - 8).astype(np.int32) for z, n in zip(
            np.meshgrid(match.grid.rows, match.grid.cols, indexing="ij"), exemplar.shape, strict=False
        ))  # fmt: skip
        for _ in range(4):
            y, x = last = match.match(planes(exemplar), last, None).place
        offsets = (y - match.grid.rows[:, None]) % 64 // 8 * 100 + (x - match.grid.cols) % 72 // 8
        return np.bincount(offsets.ravel()).max() / offsets.size

    assert largest(None) > 0.5  # matched to itself, a picture is its own copy
    assert largest(0.1) < 0.15


def test_presets_follow_the_exemplar(rng):
    y, x = np.mgrid[:96, :96]
    walls = np.where((y % 16 < 2) | ((x + 12 * (y // 16 % 2)) % 24 < 2), 0.8, 0.3).astype(np.float32)
    fence = np.where(gaussian_filter(rng.standard_normal((1, 96)), (0, 2)) > 0, 0.7, 0.2).repeat(96, axis=0)
    assert periodicity(walls.astype(float))[0] > 0.6
    assert edge_coherence(fence) > 0.9
    for exemplar, chosen, word in (
        (walls, "structured", "repeats"),
        (fence, "structured", ""),
        (stones(rng), "stochastic", "long edges"),
    ):
        out = synthesize_patches(exemplar.astype(np.float32), (32, 32), rng=0)
        assert out.preset == chosen
        assert word in out.notes[0]
    assert synthesize_patches(walls, (32, 32), preset="stochastic", rng=0).preset == "stochastic"


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_one_color_stays_one_color(value):
    out = synthesize_patches(np.full((20, 20, 3), value, np.float32), (9, 40))
    assert out.pixels.shape == (9, 40, 3)
    np.testing.assert_allclose(out.pixels, value, atol=1e-6)
    assert "one color" in out.notes[-1]


def test_progress_is_told_once_a_level(rng):
    told = []
    synthesize_patches(stones(rng, (96, 96)), (40, 40), rng=0, progress=told.append)
    assert [step.step for step in told] == list(range(told[0].total))


BAD = {
    "at least 8 x 8": lambda u: synthesize_patches(u[:5], (20, 20)),
    "from 0 to 1": lambda u: synthesize_patches(255 * u, (20, 20)),
    "height and a width": lambda u: synthesize_patches(u, (0, 20)),
    "preset must be": lambda u: synthesize_patches(u, (20, 20), preset="brick"),
    "leave out the size": lambda u: synthesize_patches(u, (20, 20), mask=np.ones(u.shape[:2], bool)),
    "hides the whole": lambda u: synthesize_patches(u, mask=np.ones(u.shape[:2], bool)),
    "hardly any squares": lambda u: synthesize_patches(u, mask=np.indices(u.shape[:2]).sum(axis=0) % 3 == 0),
    "with edges": lambda u: synthesize_patches(u, periodic=True, mask=np.eye(*u.shape[:2], dtype=bool)),
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_told(words, rng):
    with pytest.raises(InputError, match=words):
        BAD[words](stones(rng))


@pytest.mark.parametrize("w", [4, 8, 16])
def test_features_are_windowed_principal_components(w, rng):
    picture = planes(stones(rng))
    table = patch_table(picture, w, 500, 10**6, rng)
    patches = np.lib.stride_tricks.sliding_window_view(picture, (w, w), axis=(1, 2)).transpose(1, 2, 0, 3, 4)
    flat = patches.reshape(table.high * table.wide, -1)
    np.testing.assert_allclose(table.features, flat @ table.basis - table.offset, atol=2e-5)
    windowed = (flat - flat.mean(axis=0)) * np.sqrt(np.tile(table.window.ravel() / table.window.sum(), 3))
    best = np.sort(np.linalg.eigvalsh(windowed.T @ windowed))[-32:].sum() / len(flat)
    kept = np.square(table.features - table.features.mean(axis=0)).sum(axis=1).mean()
    assert 0.97 * best < kept < 1.001 * best


def test_the_nearest_are_found(rng):
    features, table = rng.standard_normal((150, 32)), rng.standard_normal((32, 480))
    bonus = rng.standard_normal(480) + np.square(table).sum(axis=0)
    bonus[100:] = np.inf
    found = np.zeros((150, 6), np.int32)
    active = (rng.random(150) < 0.7).astype(np.uint8)
    _native.nearest_patches(*(z.astype(np.float32) for z in (features, table, bonus)), active, thread_count(), found)
    expected = np.argsort(bonus - 2 * features @ table, axis=1)[:, :6]
    np.testing.assert_array_equal(found, np.where(active[:, None], expected, 0))


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("size", [(24, 30), (5, 40)])
def test_blends_are_weighted_means(size, wraps, rng):
    if not wraps and min(size) < 8:
        pytest.skip("a picture with edges holds a patch")
    source, window = rng.random((2, 20, 20), np.float32), rng.random((8, 8), np.float32)
    grid = PatchGrid.cover(*size, 8, wraps)
    y, x = (rng.integers(0, 13, grid.shape).astype(np.int32) for _ in range(2))
    trust = rng.random(grid.shape, np.float32)
    total, weight = np.zeros((2, *size)), np.zeros(size)
    for i, row in enumerate(grid.rows):
        for j, col in enumerate(grid.cols):
            at = np.ix_((row + np.arange(8)) % size[0], (col + np.arange(8)) % size[1])
            part = source[:, y[i, j] : y[i, j] + 8, x[i, j] : x[i, j] + 8] * window * trust[i, j]
            np.add.at(weight, at, window * trust[i, j])
            for c in range(2):
                np.add.at(total[c], at, part[c])
    out = np.zeros((2, *size), np.float32)
    args = source, y, x, trust, window, grid.rows, grid.cols, wraps
    _native.blend_patches(*args, 0, 0.5, False, thread_count(), out)
    np.testing.assert_allclose(out, total / weight, rtol=1e-4)
    voted = np.zeros_like(out)
    _native.blend_patches(*args, 2, 0.5, True, thread_count(), voted)
    colors = set(map(tuple, source.reshape(2, -1).T))
    assert all(tuple(color) in colors for color in voted.reshape(2, -1).T)  # a patch's own pixels, not blends of them


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_ranks_are_matched_exactly(n, rng):
    values, law = (
        rng.standard_normal(n).astype(np.float32).round(2),
        np.sort(rng.standard_normal(300)).astype(np.float32),
    )
    expected = np.empty_like(values)
    expected[np.argsort(values, kind="stable")] = law[np.arange(n) * 300 // n]
    _native.match_ranks(values, law)
    np.testing.assert_array_equal(values, expected)


def test_places_are_carried_to_other_grids(rng):
    old = PatchGrid.cover(64, 60, 16, True)
    places = tuple(np.broadcast_to(z, old.shape).astype(np.int32) for z in (old.rows[:, None] + 3, old.cols[None] + 5))
    new = PatchGrid.cover(64, 60, 8, True)
    y, x = carry(places, old, new, (200, 200))
    np.testing.assert_array_equal(y, np.broadcast_to(new.rows[:, None] + 3, new.shape))  # the same offset everywhere
    np.testing.assert_array_equal(x, np.broadcast_to(new.cols[None] + 5, new.shape))
