"""Shapes as mixtures in the plane: they turn with their pictures, keep mirrors and areas, and meet in the middle."""

import numpy as np
import pytest

from mixot import distance
from mixot.errors import InputError
from mixot.imaging.shapes import Shape, average, contact_sheet, four_corners, path
from mixot.imaging.shapes.ink import Ink


def disk(radius, size=64, at=(0.0, 0.0)):
    """A disk with a soft rim, dark on white."""
    y, x = np.indices((size, size)) - (size - 1) / 2
    return 1 - np.clip(radius + 0.5 - np.hypot(x - at[0], y - at[1]), 0, 1)


def flag(size=64):
    """A pole with a cloth on one side of its top: no mirror leaves it as it is."""
    picture = np.ones((size, size))
    picture[8:56, 14:20] = 0
    picture[8:24, 20:50] = 0
    return picture


def letter_t(size=64):
    """A T, upright."""
    picture = np.ones((size, size))
    picture[10:20, 12:52] = 0
    picture[20:54, 27:37] = 0
    return picture


TURNS = {
    "mirrored": (np.fliplr, [[-1, 0], [0, 1]]),
    "upside down": (np.flipud, [[1, 0], [0, -1]]),
    "turned": (lambda a: np.rot90(a, -1), [[0, -1], [1, 0]]),
    "transposed": (np.transpose, [[0, 1], [1, 0]]),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("picture", [flag(), letter_t()], ids=["flag", "t"])
def test_a_turned_picture_has_the_turned_fit(turn, picture):
    pixels, matrix = TURNS[turn]
    fitted, other = Shape.of(picture, k=7), Shape.of(pixels(picture), k=7)
    assert distance(fitted.mixture.affine(np.array(matrix, float)), other.mixture) < 1e-5
    assert (fitted.mirror is None) == (other.mirror is None)


def test_a_picture_turned_by_any_angle_has_nearly_the_turned_fit():
    from scipy.ndimage import rotate

    big = np.pad(flag(128), 40, constant_values=1.0)
    turned = np.clip(rotate(big, 27, reshape=False, order=1, cval=1.0), 0, 1)
    c, s = np.cos(np.radians(27)), np.sin(np.radians(27))
    fitted, other = Shape.of(big, k=2), Shape.of(turned, k=2)
    assert distance(fitted.mixture.affine(np.array([[c, s], [-s, c]])), other.mixture) < 0.004  # a pixel: 0.005


def test_a_shape_keeps_its_mirror():
    shape = Shape.of(letter_t(), k=7)
    assert shape.mirror.angle == 90
    assert distance(shape.mixture, shape.mirror.image(shape.mixture)) < 1e-9
    assert not shape.notes
    drawn = shape.pixels()
    assert abs(drawn.astype(int) - drawn[:, ::-1]).max() <= 1
    assert Shape.of(letter_t(), k=7, symmetric=False).mirror is None
    assert Shape.of(flag(), k=7).mirror is None


def test_a_slanted_mirror_is_found_and_a_rough_one_is_told():
    y, x = np.indices((90, 90)) - 44.5
    c, s = np.cos(np.radians(25)), np.sin(np.radians(25))
    along, across = c * x + s * y, -s * x + c * y
    wedge = np.where((along > -30) & (along < 30) & (abs(across) < (30 - along) / 3), 0.0, 1.0)
    assert Shape.of(wedge, k=4).mirror.angle == pytest.approx(25, abs=1)
    dented = letter_t()
    dented[10:12, 12:17] = 1
    (note,) = Shape.of(dented, k=4).notes
    assert "90 degrees" in note
    assert "98." in note


def test_averages_of_shapes_with_one_mirror_keep_it():
    mean = average([Shape.of(letter_t(), k=7), Shape.of(disk(20, at=(3, 5)), k=6)])
    assert mean.mirror.angle == 90
    assert distance(mean.mixture, mean.mirror.image(mean.mixture)) < 1e-7
    weights = mean.barycenter.weights
    objective = sum(w * distance(mean.mixture, p) ** 2 for w, p in zip(weights, mean.barycenter.inputs, strict=True))
    assert objective == pytest.approx(mean.barycenter.lower_bound, abs=1e-9)  # it is a barycenter as good as any
    assert average([Shape.of(flag(), k=7), Shape.of(disk(20), k=6)]).mirror is None


def test_covariances_have_the_width_of_pixels():
    line = np.ones((40, 40))
    line[20, 5:35] = 0
    shape = Shape.of(line, k=1)
    x, y = np.diag(shape.mixture.components.covs[0]) * 40**2
    assert (x, y) == pytest.approx((30**2 / 12, 1 / 12), rel=1e-9)  # an even law on 30 x 1 pixels
    point = np.ones((40, 40))
    point[3, 5] = 0
    alone = Shape.of(point, k=3)
    assert len(alone.mixture) == 1
    assert "instead of 3" in alone.notes[0]
    assert np.allclose(alone.mixture.components.covs * 40**2, np.eye(2) / 12)


def test_large_pictures_are_averaged_down_without_moving():
    small, large = Shape.of(letter_t(), k=1), Shape.of(np.kron(letter_t(), np.ones((7, 7))), k=1)
    assert distance(small.mixture, large.mixture) < 1e-9
    assert large.mass == pytest.approx(small.mass)
    odd = np.ones((301, 211))
    odd[37:121, 50:180] = 0
    mean = Shape.of(odd, k=4).mixture.mean()
    assert mean == pytest.approx([(115 - 105.5) / 301, (79 - 150.5) / 301], abs=2e-5)


def test_a_disk_grows_evenly_and_areas_are_kept():
    small, large = (Shape.of(disk(r), k=1, silhouette=True) for r in (8, 24))
    halfway = path(small, large, 3)[1]
    area = (255 - halfway.pixels().astype(float)).sum() / 255
    assert area == pytest.approx(np.pi * 16**2, rel=0.01)
    for each in (flag(), letter_t()):
        shape = Shape.of(each, k=12, silhouette=True)
        drawn = 1 - shape.pixels() / 255
        assert drawn.sum() == pytest.approx((1 - each).sum(), rel=0.005)
        assert abs(drawn - (1 - each)).sum() < 0.1 * (1 - each).sum()  # and nearly where they were


def test_densities_keep_their_ink():
    y, x = np.indices((80, 100))
    hill = 1 - 0.7 * np.exp(-(((x - 40) / 12) ** 2 + ((y - 45) / 8) ** 2) / 2)
    shape = Shape.of(hill, k=3)
    assert abs(shape.pixels() / 255 - hill).max() < 0.02
    assert (1 - shape.pixels() / 255).sum() == pytest.approx((1 - hill).sum(), rel=0.01)


def test_light_shapes_are_recognized_and_told():
    shape = Shape.of(1 - letter_t(), k=5)
    assert "dark" in shape.notes[0]
    assert shape.kind == "light on dark"
    assert distance(shape.mixture, Shape.of(letter_t(), k=5).mixture) < 1e-6
    forced = Ink.of(1 - letter_t(), invert=False)
    assert forced.mass.sum() == (letter_t()).sum()
    assert not forced.notes
    mask = letter_t() == 0
    assert np.array_equal(Ink.of(mask).mass, mask)
    assert np.array_equal(Ink.of(mask, invert=True).mass, ~mask)


def test_what_is_opaque_is_the_shape_where_the_border_is_transparent():
    white = np.full((64, 64, 4), 255, np.uint8)
    white[:, :, 3] = np.uint8(255 * (1 - letter_t()))
    assert distance(Shape.of(white, k=5).mixture, Shape.of(letter_t(), k=5).mixture) < 1e-6


def test_the_tone_of_paper_is_no_ink():
    scan = 0.9 - 0.8 * (1 - letter_t())
    ink = Ink.of(scan)
    assert ink.mass.max() < 1
    assert ink.mass[letter_t() == 1].max() < 1e-9
    assert "10%" in ink.notes[0]
    noisy = np.clip(scan + np.random.default_rng(0).normal(0, 0.03, scan.shape), 0, 1)
    assert np.array_equal(Ink.of(noisy, silhouette=True).mass, 1 - letter_t())


def test_corners_of_a_square_are_the_shapes():
    shapes = [Shape.of(each, k=4) for each in (flag(), letter_t(), disk(12), disk(20))]
    rows = four_corners(shapes, 3)
    for shape, corner in zip(shapes, (rows[0][0], rows[0][2], rows[2][0], rows[2][2]), strict=True):
        assert distance(shape.mixture, corner.mixture) < 1e-7
    assert rows[1][1].barycenter.weights == pytest.approx([0.25] * 4)
    assert contact_sheet(rows, size=20, gap=0.1).shape == (64, 64)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Shape.of(np.ones((20, 20))), "one tone"),
        (lambda: Shape.of(np.full((20, 20), 0.4), silhouette=True), "one tone"),
        (lambda: Shape.of(np.zeros((20, 20, 4))), "one tone"),
        (lambda: Shape.of(flag(), k=0), "k must"),
        (lambda: Shape.of(np.ones((3, 3, 7))), "shape"),
        (lambda: average([]), "none"),
        (lambda: four_corners([Shape.of(disk(5), k=1)] * 3), "four"),
        (lambda: path(Shape.of(disk(5), k=1), Shape.of(disk(9), k=1), 1), "steps"),
        (lambda: contact_sheet([]), "rows"),
        (lambda: Shape.of(disk(5), k=1).pixels(0), "size"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()
