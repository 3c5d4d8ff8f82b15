"""The alluvial figure: bands as wide as the mass, few crossings, names that can be read."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mixot import InputError, plot
from mixot.plot.alluvial import uncrossed


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def crossing(flows):
    k, l = flows.shape  # noqa: E741
    pairs = itertools.product(itertools.combinations(range(k), 2), itertools.combinations(range(l), 2))
    return sum(flows[i, d] * flows[j, c] for (i, j), (c, d) in pairs)


def test_a_permutation_is_untangled(rng):
    flows = np.diag(rng.dirichlet(np.ones(9)))[rng.permutation(9)]
    rows, cols = uncrossed(flows)
    assert crossing(flows[np.ix_(rows, cols)]) == 0.0


def test_crossings_are_few(rng):
    for _ in range(5):
        flows = rng.dirichlet(np.full(20, 0.3)).reshape(4, 5)
        rows, cols = uncrossed(flows)
        best = min(
            crossing(flows[np.ix_(r, c)])
            for r in itertools.permutations(range(4))
            for c in itertools.permutations(range(5))
        )
        found = crossing(flows[np.ix_(rows, cols)])
        assert found <= 1.3 * best + 0.01  # a local search: near the best order of all 2880
        assert sorted(rows) == list(range(4))
        assert sorted(cols) == list(range(5))


def bands(ax):
    """Height at both ends of each band, and its color."""
    found = []
    for band in ax.collections:
        points = band.get_paths()[0].vertices
        ends = [
            np.ptp(points[np.isclose(points[:, 0], x), 1]) if np.isclose(points[:, 0], x).any() else 0.0 for x in (0, 1)
        ]
        found.append(ends)
    return np.array(found)


def test_bands_are_as_wide_as_their_mass():
    flows = np.array([[0.4, 0.1], [0.2, 0.3]])
    ax = plot.alluvial(10 * flows, source=["a", "b"], target=["c", "d"])
    found = bands(ax)
    np.testing.assert_allclose(np.sort(found[:, 0]), np.sort(flows.ravel()), atol=1e-12)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=1e-12)
    assert {text.get_text() for text in ax.texts} >= {"a  50 %", "b  50 %", "c  60 %", "d  40 %"}


def test_thin_bands_are_merged():
    flows = np.full((6, 6), 1e-3)
    flows[np.diag_indices(6)] = (1 - 0.03) / 6
    full = [ends for ends in bands(plot.alluvial(flows, least=0.005)) if min(ends) > 0]
    assert len(full) == 6
    assert len([ends for ends in bands(plot.alluvial(flows, least=0.0)) if min(ends) > 0]) == 36


def test_names_do_not_overlap(rng):
    flows = np.diag(np.r_[np.full(3, 0.3), np.full(12, 0.1 / 12)])
    ax = plot.alluvial(flows, source=[f"group {i}" for i in range(15)])
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text().startswith("group")]
    ordered = sorted(boxes, key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(ordered))  # a pixel


def test_frames_and_colors():
    table = pd.DataFrame([[1.0, 0.0], [0.5, 0.5]], index=["T", "B"], columns=["T", "NK"])
    ax = plot.alluvial(table, colors={"T": "#112233"})
    from matplotlib.colors import to_hex

    colors = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert colors.count("#112233") == 2
    assert len(set(colors)) == 3
    many = plot.alluvial(np.eye(40))
    assert len({to_hex(patch.get_facecolor()) for patch in many.patches}) == 40


def test_heatmap_with_names():
    ax = plot.flow_heatmap(pd.DataFrame([[1.0, 0.0], [0.5, 0.5]], index=["T", "B"], columns=["T", "NK"]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["T", "NK"]
    assert sorted(text.get_text() for text in ax.texts) == ["25", "25", "50"]


@pytest.mark.parametrize(
    ("flows", "names", "match"),
    [
        ([[0.0, 0.0]], None, "not all zero"),
        ([[-1.0, 2.0]], None, "not negative"),
        ([[np.nan, 1.0]], None, "finite"),
        ([1.0, 2.0], None, r"shape \(k, l\)"),
        ([[1.0, 2.0]], ["a", "b"], "must name the 1 groups"),
    ],
)
def test_bad_flows(flows, names, match):
    with pytest.raises(InputError, match=match):
        plot.alluvial(flows, source=names)
