"""Figures of cells, of what moves where, and of dots: what is drawn is what the plan says."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.quiver import Quiver

from mixot import (
    Gaussian,
    Grid,
    InputError,
    Mixture,
    Samples,
    UnsupportedError,
    plan,
    plot,
    quantize,
    transport_map,
)
from mixot.imaging.stipple import stipple

LAW = Mixture([0.6, 0.4], Gaussian([[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.3], [0.3, 0.4]], [[0.3, 0.0], [0.0, 0.5]]]))
LINE = Mixture([0.6, 0.4], Gaussian([0.0, 3.0], [0.5, 1.0]))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def only(ax, kind):
    (found,) = (artist for artist in ax.collections if type(artist) is kind)
    return found


def polygons(ax):
    return [path.vertices[:-1] for path in only(ax, PolyCollection).get_paths()]


def dots(ax, label):
    (found,) = (artist for artist in ax.collections if artist.get_label() == label)
    return np.asarray(found.get_offsets())


def area(corners):
    x, y = (corners - corners[0]).T
    return 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def density(name, rng):
    if name == "mixture":
        return LAW
    return Grid(rng.random((5, 7)) + 0.1, [[-1.0, 3.0], [0.0, 2.0]], degree=int(name[-1]))


@pytest.mark.parametrize("count", [1, 20, 5000])
@pytest.mark.parametrize("name", ["grid 0", "grid 1", "mixture"])
def test_cells_tile_what_is_seen(name, count, rng):
    found = plan(rng.random((count, 2)), density(name, rng))
    _, given = plt.subplots()
    ax = plot.cells(found, ax=given, color="#123456", names=["width", "height"])
    assert ax is given
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("width", "height")
    assert sum(map(area, polygons(ax))) == pytest.approx(np.diff(found.density.bounds).prod())
    assert len(polygons(ax)) == count
    np.testing.assert_allclose(only(ax, PolyCollection).get_edgecolors(), [to_rgba("#123456")])
    np.testing.assert_array_equal(dots(ax, "points"), found.source.points)
    np.testing.assert_array_equal(dots(ax, "centroids"), found.centroids)
    ax.figure.canvas.draw()


def test_the_density_is_dark_where_it_is_high(rng):
    grid = density("grid 0", rng)
    ax = plot.cells(plan(rng.random((9, 2)), grid))
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), grid.values.T)  # rows of an image are y
    assert image.get_extent() == [-1.0, 3.0, 0.0, 2.0]
    assert image.origin == "lower"
    greys = image.cmap(image.norm([0.0, grid.values.max() / 2, grid.values.max()]))[:, 0]
    assert greys[0] == 1.0
    assert np.all(np.diff(greys) < -0.1)
    assert np.ptp([ax.get_xlim(), [-1.0, 3.0]], axis=0).max() == 0
    assert np.ptp([ax.get_ylim(), [0.0, 2.0]], axis=0).max() == 0


def test_the_shades_of_a_mixture_are_its_density(rng):
    ax = plot.cells(plan(rng.random((9, 2)), LAW), limits=[[-2, 5], [-2, 4]])
    (image,) = ax.images
    values, (left, right, bottom, top) = np.asarray(image.get_array()), image.get_extent()
    x = left + (np.arange(values.shape[1]) + 0.5) * (right - left) / values.shape[1]
    y = bottom + (np.arange(values.shape[0]) + 0.5) * (top - bottom) / values.shape[0]
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(values.ravel(), LAW.density(places), rtol=1e-9)
    assert (x[0], x[-1], ax.get_xlim()) == (pytest.approx(-2), pytest.approx(5), (-2, 5))


def test_hidden_points_have_no_cell_and_points_outside_are_seen(rng):
    points = np.array([[0.2, 0.3], [0.8, 0.6], [0.4, 0.9], [3.0, -1.0]])
    found = plan(Samples(points, [0.3, 0.3, 0.0, 0.4]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]]))
    ax = plot.cells(found)
    assert len(polygons(ax)) == 3
    assert len(dots(ax, "points")) == 4
    assert len(dots(ax, "centroids")) == 3
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 3.0  # with some room
    assert ax.get_ylim()[0] < -1.0
    assert not any(artist.get_label() == "centroids" for artist in plot.cells(found, centroids=False).collections)


@pytest.mark.parametrize("degree", [0, 1])
def test_parts_of_the_line_have_the_masses_of_their_points(degree, rng):
    weights = rng.dirichlet(np.ones(30))
    found = plan(Samples(6 * rng.random(30), weights), Grid([1, 3, 2, 0, 0, 5.0], [[0, 6]], degree=degree))
    ax = plot.cells(found)
    order = np.argsort(found.source.points[:, 0])
    assert [area(part) for part in polygons(ax)] == pytest.approx(weights[order])
    shades = only(ax, PolyCollection).get_facecolors()
    assert {tuple(shade) for shade in shades[::2]}.isdisjoint(tuple(shade) for shade in shades[1::2])
    assert ax.get_xlim() == (0, 6)
    assert ax.get_ylabel() == "density"
    assert min(ax.get_yticks()) == 0
    np.testing.assert_array_equal(dots(ax, "points")[:, 0], found.source.points[:, 0])
    np.testing.assert_array_equal(dots(ax, "centroids")[:, 0], found.centroids[:, 0])
    assert dots(ax, "centroids").max(axis=0)[1] < dots(ax, "points").min(axis=0)[1] < 0
    ax.figure.canvas.draw()


def test_parts_of_a_mixture_on_the_line(rng):
    ax = plot.cells(plan(rng.standard_normal(10), LINE))
    # 966 straight pieces follow the curve; of the outermost parts what is further out than the view is cut square
    assert [area(part) for part in polygons(ax)[1:-1]] == pytest.approx([0.1] * 8, rel=1e-4)
    many = plot.cells(plan(rng.standard_normal(2000), LINE))
    assert len(np.unique(only(many, PolyCollection).get_facecolors(), axis=0)) == 1  # stripes would not be seen
    many.figure.canvas.draw()


def test_one_point_and_a_density_of_one_place():
    alone = Mixture([1.0], Gaussian([2.0], [0.0]))
    for found in (plan([[0.5]], Grid([1.0])), plan([0.5], LINE), plan([0.5, 0.5, 2.0], LINE), plan([0.5], alone)):
        plot.cells(found).figure.canvas.draw()


@pytest.mark.parametrize("name", ["grid 0", "mixture"])
def test_points_move_to_their_centroids(name, rng):
    q = density(name, rng)
    weights = np.append(rng.dirichlet(np.ones(19)), 0.0)
    found = plan(Samples(rng.random((20, 2)), weights), q)
    _, (left, right) = plt.subplots(1, 2)
    for ax, drawn in ((left, found), (right, transport_map(found.source, q))):
        assert plot.displacement(drawn, ax=ax, color="#0A0B0C") is ax
        arrows = only(ax, Quiver)
        np.testing.assert_array_equal(arrows.XY, found.source.points)
        np.testing.assert_allclose(arrows.XY + np.column_stack([arrows.U, arrows.V]), found.centroids, atol=1e-7)
        assert (arrows.angles, arrows.scale_units, arrows.scale) == ("xy", "xy", 1.0)  # in the units of the data
        np.testing.assert_allclose(arrows.get_facecolors()[0], to_rgba("#0A0B0C"))
        assert arrows.headlength > 0
        assert ax.get_legend_handles_labels()[1] == ["points", "centroids"]
        assert len(ax.images) == 1
    left.figure.canvas.draw()


def test_many_points_move_along_lines_without_heads(rng):
    ax = plot.displacement(plan(rng.random((5000, 2)), density("grid 0", rng)))
    arrows = only(ax, Quiver)
    assert (arrows.headlength, arrows.headwidth, len(arrows.XY)) == (0, 0, 5000)
    assert arrows.get_alpha() < 1
    assert all(handle.get_sizes()[0] > 9 for handle in ax.get_legend().legend_handles)  # seen, though the dots are tiny
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", ["grid 0", "mixture"])
def test_a_density_moves_to_points(name, rng):
    q, points = density(name, rng), rng.random((20, 2))
    move = transport_map(q, points)
    ax = plot.displacement(move)
    arrows = only(ax, Quiver)
    ends = arrows.XY + np.column_stack([arrows.U, arrows.V])
    np.testing.assert_allclose(ends, move(arrows.XY), atol=1e-12)
    assert 150 < len(arrows.XY) <= 24**2
    assert arrows.headlength == 0  # twenty heads on one place would hide it
    np.testing.assert_array_equal(dots(ax, "points"), points)
    from_one = plot.displacement(move, at=[[0.5, 0.5]])
    np.testing.assert_array_equal(only(from_one, Quiver).XY, [[0.5, 0.5]])
    ax.figure.canvas.draw()


def test_arrows_leave_from_where_the_mass_is():
    half = np.zeros((40, 40))
    half[:20] = 1.0
    ax = plot.displacement(transport_map(Grid(half), [[10.0, 10.0]]))
    assert only(ax, Quiver).XY[:, 0].max() < 20
    assert len(only(ax, Quiver).XY) == 24 * 12


def test_a_mixture_moves_to_a_mixture():
    q = Mixture([1.0], Gaussian([[5.0, 5.0]], [np.eye(2)]))
    move = transport_map(LAW, q)
    ax = plot.displacement(move, limits=[[-3, 8], [-3, 8]])
    arrows = only(ax, Quiver)
    ends = arrows.XY + np.column_stack([arrows.U, arrows.V])
    np.testing.assert_allclose(ends, move(arrows.XY), atol=1e-12)
    rims = [artist.get_paths()[0].vertices for artist in ax.collections if type(artist) is not Quiver]
    radius = np.linalg.norm(rims[0] - [5.0, 5.0], axis=1)
    np.testing.assert_allclose(radius, np.sqrt(-2 * np.log(0.1)), rtol=0.02)  # holds nine tenths of the target
    assert (ax.get_xlim(), ax.get_ylim()) == ((-3, 8), (-3, 8))
    ax.figure.canvas.draw()


def test_what_cannot_be_drawn_is_refused(rng):
    space = plan(rng.random((5, 3)), Grid(np.ones((2, 2, 2))))
    with pytest.raises(UnsupportedError, match=r"dimension 3; plan\.masses"):
        plot.cells(space)
    with pytest.raises(UnsupportedError, match="in the plane, got dimension 3"):
        plot.displacement(space)
    with pytest.raises(UnsupportedError, match="in the plane, got dimension 1"):
        plot.displacement(transport_map(LINE, LINE))
    with pytest.raises(UnsupportedError, match="in the plane, these points have dimension 1"):
        plot.stipples(Samples([1.0, 2.0]))
    with pytest.raises(InputError, match="leave out at="):
        plot.displacement(plan(rng.random((5, 2)), LAW), at=[[0, 0]])
    with pytest.raises(InputError, match="between points and a density, got TransportMap; see plan_heatmap"):
        plot.cells(transport_map(LAW, LAW))
    with pytest.raises(InputError, match="quantize returns, weighted points or a Stipple, got Mixture"):
        plot.stipples(LAW)
    with pytest.raises(InputError, match="between 0 and 1, got 2"):
        plot.stipples(Samples([[0.0, 0.0]]), ink=2.0)


def sizes(ax):
    return only(ax, mpl.collections.EllipseCollection).get_widths()


def test_dots_have_the_ink_that_was_asked_for_in_proportion_to_weights(rng):
    weights = rng.dirichlet(np.ones(50))
    ax = plot.stipples(Samples(rng.random((50, 2)), weights), ink=0.2, limits=[[0, 2], [0, 3]], color="#102030")
    np.testing.assert_allclose(np.pi / 4 * sizes(ax) ** 2, 0.2 * 6 * weights, rtol=1e-12)
    drawn = only(ax, mpl.collections.EllipseCollection)
    np.testing.assert_allclose(drawn.get_facecolors(), [to_rgba("#102030")])
    assert drawn._units == "xy"  # of the data: dots grow with the sheet
    assert (ax.get_xlim(), ax.get_ylim(), ax.axison) == ((0, 2), (0, 3), False)
    ax.figure.canvas.draw()


@pytest.mark.parametrize("weights", ["equal", "free"])
def test_dots_hardly_touch_where_nothing_is_said(weights, rng):
    found = quantize(Grid(rng.random((6, 6))), 200, weights=weights, rng=rng)
    across, points = sizes(plot.stipples(found)), found.samples.points
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(200)
    touching = (apart < (across[:, None] + across) / 2).any(axis=1)
    assert 0 < touching.sum() <= 6
    assert np.ptp(across) == pytest.approx(0, abs=1e-12) or weights == "free"


def test_a_drawing_of_a_picture_keeps_its_dots_and_its_sheet():
    drawing = stipple(np.linspace(0, 1, 24 * 32).reshape(24, 32), 50, rng=0)
    ax = plot.stipples(drawing)
    np.testing.assert_allclose(sizes(ax), 2 * drawing.radius)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 32), (24, 0))  # rows go down: the dark rows are above
    assert only(ax, mpl.collections.EllipseCollection).get_offsets()[:, 1].mean() < 12


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]], [[0.0, 0.0], [1.0, 0.0]]])
def test_few_dots_draw(points):
    ax = plot.stipples(Samples(points))
    assert np.all(sizes(ax) > 0)
    ax.figure.canvas.draw()


def test_dots_are_scattered_once(rng):
    """Collections that are no dots, arrows or polygons would be strays."""
    ax = plot.cells(plan(rng.random((4, 2)), density("grid 0", rng)))
    assert [type(artist) for artist in ax.collections] == [PolyCollection, PathCollection, PathCollection]
