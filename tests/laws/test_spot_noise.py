"""Spot noise has the mean and the spectrum of its picture; what fills a hole agrees with what is around it."""

import numpy as np
import pytest

from mixot import transport_map
from mixot.imaging.texture.gaussian.colors import with_colors_of
from mixot.imaging.texture.gaussian.conditional import fill
from mixot.imaging.texture.gaussian.patch_transport import PatchTransport, patches_of
from mixot.imaging.texture.gaussian.scales import enlarged, halved
from mixot.imaging.texture.gaussian.spot_noise import SpotNoise, periodic_component, tapered


def waves(rng, shape=(32, 40), channels=3):
    """A soft texture in color, without jumps at its borders."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = np.sin(2 * np.pi * (3 * x / shape[1] + 2 * y / shape[0]))[:, :, None] * np.linspace(0.2, 0.1, channels)
    grain = rng.normal(size=(*shape, channels)) * 0.05
    return (0.5 + light + grain).clip(0, 1).astype(np.float32)


def spectrum(picture):
    """Power of each channel, and the cross power of the first two, by frequency."""
    wave = np.fft.fft2(picture - picture.mean(axis=(0, 1)), axes=(0, 1))
    cross = (wave[:, :, 0] * wave[:, :, -1].conj())[:, :, None]
    return np.concatenate([np.abs(wave) ** 2, cross.real, cross.imag], axis=2)


def test_mean_and_spectrum_are_those_of_the_picture_in_expectation(rng):
    picture = waves(rng)
    noise = SpotNoise.of(picture)
    draws = np.stack([noise.sample(picture.shape[:2], rng) for _ in range(600)])
    np.testing.assert_allclose(draws.mean(axis=(0, 1, 2)), picture.mean(axis=(0, 1)), atol=1e-3)
    wanted = spectrum(periodic_component(picture))
    found = np.mean([spectrum(each) for each in draws], axis=0)
    powers = np.abs(wanted) > 1e-3 * wanted.max()
    # |W|^2 is exponential: its mean over 600 draws is off by 4 % on average, by 5 of these at most
    np.testing.assert_allclose(found[powers], wanted[powers], atol=0.2 * wanted.max())
    ratio = found[:, :, :3].sum(axis=(0, 1)) / wanted[:, :, :3].sum(axis=(0, 1))
    np.testing.assert_allclose(ratio, 1, atol=0.12)


@pytest.mark.parametrize("size", [(32, 40), (48, 96), (33, 130)])
def test_variance_does_not_depend_on_the_size(size, rng):
    picture = waves(rng, channels=1)
    noise = SpotNoise.of(picture)
    variance = np.mean([noise.sample(size, rng).var() for _ in range(300)])
    np.testing.assert_allclose(variance, periodic_component(picture).var(), rtol=0.15)  # the mean of a draw is random


def test_the_periodic_component_has_no_jumps_and_keeps_the_mean(rng):
    y, x = np.mgrid[:40, :30]
    ramp = (x / 40 + y / 90)[:, :, None] + 0.02 * rng.normal(size=(40, 30, 1))
    joined = periodic_component(ramp)
    np.testing.assert_allclose(joined.mean(), ramp.mean(), atol=1e-12)
    assert abs(joined[:, 0] - joined[:, -1]).mean() < 0.1 * abs(ramp[:, 0] - ramp[:, -1]).mean()
    smooth = ramp - joined  # harmonic inside: the mean of its four neighbours (the discrete Laplacian vanishes)
    inner = smooth[1:-1, :-2] + smooth[1:-1, 2:] + smooth[:-2, 1:-1] + smooth[2:, 1:-1] - 4 * smooth[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0, atol=1e-12)


def test_a_periodic_picture_is_its_own_periodic_component():
    y, x = np.mgrid[:24, :24]
    tile = np.cos(2 * np.pi * (x + y) / 24)[:, :, None]
    inside = abs(periodic_component(tile) - tile).max()
    assert inside < 0.2  # its neighbors across the border differ by a step, as neighbors inside do


def test_tapered_spots_keep_their_energy_and_have_mean_zero(rng):
    spot = rng.normal(size=(20, 28, 3))
    faded = tapered(spot)
    np.testing.assert_allclose((faded**2).sum(), (spot**2).sum())
    np.testing.assert_allclose(faded.sum(axis=(0, 1)), 0, atol=1e-12)
    assert abs(faded[0]).mean() < 0.2 * abs(spot[0]).mean()


def test_halving_and_enlarging_keep_means_of_any_size(rng):
    for shape in ((16, 20), (17, 33)):
        picture = rng.random((*shape, 2)).astype(np.float32)
        half = halved(picture)
        assert half.shape == (shape[0] // 2, shape[1] // 2, 2)
        np.testing.assert_allclose(half.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=1e-6)
    even = halved(rng.random((16, 20, 1)).astype(np.float32))
    np.testing.assert_allclose(enlarged(even, (16, 20)).mean(), even.mean(), atol=1e-6)
    flat = np.full((5, 7, 1), 0.25, np.float32)
    np.testing.assert_allclose(enlarged(flat, (11, 13)), 0.25)


def test_moved_patches_have_the_mean_of_the_mixture_they_go_to(rng):
    picture = waves(rng, (64, 64), 1) ** 3
    field = SpotNoise.of(picture).sample((64, 64), rng)
    transport = PatchTransport(k=3)
    p, q = (transport.fitted(patches_of(each, 3), rng, None) for each in (field, picture))
    np.testing.assert_allclose(q.mean().mean(), picture.mean(), atol=0.01)
    points = p.sample(40_000, rng=rng).astype(np.float32)
    np.testing.assert_allclose(transport_map(p, q)(points).mean(axis=0), q.mean(), atol=0.01)
    moved = transport.moved(field, transport.map(field, patches_of(picture, 3), rng))
    np.testing.assert_allclose(moved.mean(), picture.mean(), atol=0.03)  # the patches of a field follow p up to its fit
    off, before = (abs(np.sort(each.ravel()) - np.sort(picture.ravel())).mean() for each in (moved, field))
    assert off < 0.7 * before  # W1 of the values: that of the exemplar is skew, that of the field is not


def test_averaging_patches_that_stay_changes_nothing(rng, monkeypatch):
    import mixot.imaging.texture.gaussian.patch_transport as module

    monkeypatch.setattr(module, "_NUMBERS", 1)  # row by row
    field = rng.random((9, 11, 3)).astype(np.float32)
    np.testing.assert_allclose(PatchTransport().moved(field, lambda x: x), field, atol=1e-6)


def test_moving_patches_commutes_with_rolling(rng):
    """Nothing is special at the border of a torus."""
    field = rng.random((24, 18, 1)).astype(np.float32)
    transport = PatchTransport(k=2)
    move = transport.map(field, patches_of(field, 3) ** 2, rng)
    rolled = transport.moved(np.roll(field, (5, 7), (0, 1)), move)
    np.testing.assert_allclose(rolled, np.roll(transport.moved(field, move), (5, 7), (0, 1)), atol=1e-5)


def test_colors_become_those_of_the_exemplar(rng):
    exemplar, picture = rng.random((30, 40, 3)).astype(np.float32) ** 2, rng.random((30, 40, 3)).astype(np.float32)
    out = with_colors_of(exemplar, picture)
    np.testing.assert_allclose(out.mean(axis=(0, 1)), exemplar.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(out.std(axis=(0, 1)), exemplar.std(axis=(0, 1)), rtol=0.05)
    grey = with_colors_of(exemplar[:, :, :1], picture[:20, :, :1])
    quantiles = np.sort(exemplar[:, :, 0].ravel())[((np.arange(800) + 0.5) * 1.5).astype(int)]
    np.testing.assert_allclose(np.sort(grey.ravel()), quantiles, atol=1e-6)


def test_what_fills_a_hole_continues_what_is_around_it(rng):
    """On a texture that is Gaussian and smooth, the filled pixels next to the rim are nearly determined by it."""
    y, x = np.mgrid[:48, :48]
    kernel = np.exp(-(np.minimum(y, 48 - y) ** 2 + np.minimum(x, 48 - x) ** 2) / 50)
    field = np.fft.ifft2(np.fft.fft2(kernel) * np.fft.fft2(rng.normal(size=(48, 48)))).real
    picture = (0.5 + 0.1 * field / field.std())[:, :, None].astype(np.float32)
    mask = np.zeros((48, 48), bool)
    mask[20:32, 16:30] = True
    holed = np.where(mask[:, :, None], 1.0, picture).astype(np.float32)
    out, notes = fill(holed, mask, rng)
    assert notes == ()
    np.testing.assert_array_equal(out[~mask], picture[~mask])
    across = abs(out[20, 16:30] - out[19, 16:30]).mean()  # from the first filled row to the last one that was seen
    assert across < 2 * abs(np.diff(picture, axis=0)).mean()
