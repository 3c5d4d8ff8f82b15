"""Figures: one Axes in, the same Axes out, drawn without a warning, whatever the mixture."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from mixot import (
    OMT,
    DiagonalGaussian,
    Gaussian,
    InputError,
    Mixture,
    UnsupportedError,
    barycenter,
    geodesic,
    plan,
    plot,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def mixture(rng, dim, k=3):
    root = rng.standard_normal((k, dim, dim + 1))
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(2 * rng.standard_normal((k, dim)), root @ root.swapaxes(1, 2)))


def draw(axes):
    np.asarray(axes, dtype=object).flat[0].figure.canvas.draw()


def test_every_figure_draws_into_the_axes_it_is_given(rng):
    p, q = mixture(rng, 2), mixture(rng, 2, 4)
    line = geodesic(mixture(rng, 1), mixture(rng, 1))
    coupling = plan(p, q)
    _, axes = plt.subplots(3, 3)
    drawn = [
        plot.mixture_density(p, ax=axes[0, 0]),
        plot.ellipses(p, ax=axes[0, 1]),
        plot.plan_heatmap(coupling, ax=axes[0, 2]),
        plot.plan_lines(p, q, coupling, ax=axes[1, 0]),
        plot.geodesic_1d(line, ax=axes[1, 1]),
        plot.mixture_density(mixture(rng, 1), ax=axes[1, 2]),
        plot.shape(p, ax=axes[2, 0]),
        plot.barycenter_lines(barycenter([p, q]), ax=axes[2, 1]),
        plot.ridges([(np.arange(5.0), np.ones(5))], [0.5], ax=axes[2, 2]),
    ]
    assert all(out is given for out, given in zip(drawn, axes.flat, strict=True))
    assert all(ax.get_xlabel() for ax in drawn)
    draw(axes)


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
@pytest.mark.parametrize("steps", [2, 6, 11])
def test_geodesic_panels_for_every_dimension(dim, steps, rng):
    panels = plot.geodesic_panels(geodesic(mixture(rng, dim), mixture(rng, dim)), np.linspace(0, 1, steps))
    assert panels.shape == (steps,)
    assert panels[0].get_title() == "t = 0"
    assert panels[-1].get_title() == "t = 1"
    assert len({ax.get_xlim() for ax in panels}) == 1  # one scale for all, or they could not be compared
    draw(panels)


def test_panels_must_be_as_many_as_times(rng):
    path = geodesic(mixture(rng, 1), mixture(rng, 1))
    _, axes = plt.subplots(1, 3)
    assert plot.geodesic_panels(path, [0, 0.5, 1], axes=axes)[2] is axes[2]
    with pytest.raises(InputError, match="one for each of the 6 times, got 3"):
        plot.geodesic_panels(path, axes=axes)


@pytest.mark.parametrize("dim", [1, 2])
def test_singular_and_point_like_components_draw(dim):
    point = Mixture([1.0], DiagonalGaussian(np.ones((1, dim)), np.zeros((1, dim))))
    mixed = Mixture([0.5, 0.5], DiagonalGaussian(np.eye(2)[:, :dim], np.array([[0.0] * dim, [1.0] * dim])))
    for law in (point, mixed):
        draw(plot.mixture_density(law))
    if dim == 2:
        draw(plot.ellipses(point))


def test_regions_hold_the_mass_they_say(rng):
    """The outermost contour of a standard normal law, 95 % of the mass, is the circle of squared radius 5.99."""
    ax = plot.mixture_density(Mixture([1.0], Gaussian([[0.0, 0.0]], np.eye(2)[None])), limits=[[-4, 4], [-4, 4]])
    outline = ax.collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose((outline**2).sum(axis=1), 5.991, rtol=0.05)  # a grid of 161 points


def test_shapes_end_at_their_level():
    """Where the density of the standard normal law exceeds h: the disk of squared radius -2 log(2 pi h)."""
    p = Mixture([1.0], Gaussian([[0.0, 0.0]], np.eye(2)[None]))
    for options, radius in (({"level": 0.05}, -2 * np.log(0.1 * np.pi)), ({"share": 0.9}, -2 * np.log(0.1))):
        ax = plot.shape(p, limits=[[-4, 4], [-4, 4]], **options)
        outline = ax.collections[-1].get_paths()[0].vertices
        np.testing.assert_allclose((outline**2).sum(axis=1), radius, rtol=0.05)  # a grid of 161 points


def test_shapes_are_refused_with_advice(rng):
    with pytest.raises(InputError, match="between 0 and 1, got 90"):
        plot.shape(mixture(rng, 2), share=90.0)
    with pytest.raises(UnsupportedError, match="marginal"):
        plot.shape(mixture(rng, 1))


def test_ridges_show_the_parts_of_each_density(rng):
    path = geodesic(mixture(rng, 1, 3), mixture(rng, 1, 2))
    ax = plot.geodesic_1d(path, [0.0, 0.5, 1.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["t = 0", "t = 0.5", "t = 1"]
    assert len(ax.lines) == 3 * (2 + len(path))
    parts, total = ax.lines[: len(path)], ax.lines[len(path)]
    np.testing.assert_allclose(sum(part.get_ydata() for part in parts), total.get_ydata(), atol=1e-12)


def test_lines_to_a_barycenter_leave_out_what_has_no_weight(rng):
    inputs = [mixture(rng, 2) for _ in range(3)]
    mean = barycenter(inputs, [0.5, 0.0, 0.5])
    ax = plot.barycenter_lines(mean)
    assert len(ax.lines) == 2 * len(mean.tuples)
    starts, ends = ({tuple(line.get_xydata()[at].round(9)) for line in ax.lines} for at in (0, 1))
    assert starts == {tuple(point) for p in inputs[::2] for point in p.components.mean().round(9)}
    assert ends == {tuple(point) for point in mean.mixture.components.mean().round(9)}
    draw(ax)


def test_blends_are_colors_between():
    assert plot.blend([1.0, 0.0, 0.0]) == plot.COLORS[0].lower()
    assert plot.blend([1, 1], ["#000000", "#ffffff"]) == "#bababa"  # half the light, not half the number
    with pytest.raises(InputError, match="at most 8"):
        plot.blend(np.ones(9))


def test_higher_dimensions_are_refused_with_advice(rng):
    with pytest.raises(UnsupportedError, match=r"marginal\(\[0, 1\]\)"):
        plot.mixture_density(mixture(rng, 3))
    with pytest.raises(UnsupportedError, match="marginal"):
        plot.ellipses(mixture(rng, 3))
    with pytest.raises(UnsupportedError, match="geodesic_panels"):
        plot.geodesic_1d(geodesic(mixture(rng, 2), mixture(rng, 2)))


def test_a_plan_is_titled_by_what_it_is_a_plan_of(rng):
    p, q = (mixture(rng, 2) for _ in range(2))
    points = plot.plan_heatmap(plan([0.0, 1.0], [3.0, 2.0]))
    assert points.get_title() == "W2 = 2"
    assert points.get_xlabel() == "point of the target"
    for ax in (plot.plan_heatmap(plan(p, q)), plot.plan_lines(p, q, plan(p, q))):
        assert ax.get_title() == f"MW2 = {plan(p, q).distance:.4g}"
    assert plot.plan_heatmap(plan(p, q)).get_ylabel() == "component of the source"
    assert plot.plan_heatmap(plan(p, q, solver=OMT())).get_title().startswith("OMT = ")
    assert plot.plan_heatmap(plan(p, q, solver=OMT(cost="kl"))).get_title().startswith("OMT (KL) = ")


def test_large_plans_draw(rng):
    draw(plot.plan_heatmap(plan(mixture(rng, 2, 40), mixture(rng, 2, 35))))


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_averages_of_every_dimension(dim, rng):
    average = barycenter([mixture(rng, dim) for _ in range(3)], [0.2, 0.8, 0.0])
    ax = plot.average(average, labels=["a", "b", "c"])
    draw(ax)
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["a (0.2)", "b (0.8)", "barycenter"]  # what has no weight has no part
    if dim == 1:
        assert ax.get_ylim()[1] >= max(line.get_ydata().max() for line in ax.lines if len(line.get_ydata()))


def test_the_principal_plane_of_many_holds_their_means():
    centers = np.eye(5)[[0, 2, 0]] * [[9.0], [9.0], [-9.0]]
    plane = plot.principal_plane(*(Mixture([1.0], Gaussian(c[None], [0.1 * np.eye(5)])) for c in centers))
    np.testing.assert_allclose(np.abs(plane), np.eye(5)[[0, 2]], atol=1e-12)


def test_the_principal_plane_shows_where_the_two_differ():
    p, q = (Mixture([1.0], Gaussian([[0.0, 0, s]], np.diag([1.0, 0.1, 0.1])[None])) for s in (-5, 5))
    plane = plot.principal_plane(p, q)
    np.testing.assert_allclose(plane, [[0, 0, 1], [1, 0, 0]], atol=1e-12)


def test_contact_sheets_take_grey_and_color(rng):
    pictures = {
        "a": rng.random((6, 9)),
        "b": rng.random((6, 9, 1)),
        "c": rng.random((5, 5, 3)),
        "d": rng.random((4, 4, 4)),
    }
    for count in (1, 2, 4):
        panels = plot.contact_sheet(dict(list(pictures.items())[:count]))
        assert [ax.get_title() for ax in panels] == list(pictures)[:count]
        draw(panels)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_are_saved_whole(suffix, rng, tmp_path):
    ax = plot.mixture_density(mixture(rng, 1))
    assert plot.save(ax, tmp_path / f"f{suffix}").stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [f"f{suffix}"]


def test_importing_plot_does_not_import_matplotlib():
    import subprocess
    import sys

    code = "import sys, mixot.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
