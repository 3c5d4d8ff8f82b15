"""`recolor`: how its pictures look, in numbers and on a sheet, and what a 1024 x 768 picture costs, files included.

Twelve pairs of photographs that scikit-image and scikit-learn ship, none a crop of another, at most 512 pixels a side:
the natural map against `color-matcher` (GPL, ``pip install color-matcher``), POT's map between Gaussians, and T_mean
with ten components (`_picture_measures.py` says what is measured). The sheet goes to the file named as argument.

Cost: scikit-learn + POT doing the same job as T_mean. Both fit ten full-covariance components to the colors of each
picture, solve for the plan, move every pixel by T_mean and write a PNG. scikit-learn fits every pixel; mixot fits the
colors counted in cells of side 1/64, so the last column compares the fits where they have to be good: the mean
log-likelihood of all pixels of both pictures.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _picture_measures import NAMES, measures
from _table import print_table, versions
from PIL import Image, ImageDraw

from mixot import Mixture, datasets
from mixot.imaging.color import Palette, transfer
from mixot.io import Picture, read_picture, write_picture

SIZE = 1024, 768
K = 10
PAIRS = (
    ("china", "flower"), ("flower", "china"), ("coffee", "rocket"), ("rocket", "coffee"), ("chelsea", "china"),
    ("astronaut", "chelsea"), ("china", "astronaut"), ("astronaut", "flower"), ("motorcycle_left", "china"),
    ("rocket", "china"), ("chelsea", "flower"), ("motorcycle_left", "coffee"),
)  # fmt: skip


def main() -> None:
    print(versions("mixot", "POT", "scikit-learn", "color-matcher", "pillow", "numpy"))
    quality(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    cost()


def quality(sheet: Path | None) -> None:
    """Means over the pairs, and in how many the distance to the palette is below that of `mkl`."""
    makers = {"photo itself": lambda photo, _: photo, "mixot": transfer, "mixot, T_mean": with_components}
    makers |= {"POT, Gaussians": by_pot} | color_matcher()
    values: dict[str, list[list[float]]] = {name: [] for name in makers}
    rows = []
    for pair in PAIRS:
        photo, palette = (shipped(name) for name in pair)
        made = {name: maker(photo, palette) for name, maker in makers.items()}
        for name, result in made.items():
            values[name].append(measures(photo, result, palette))
        rows.append([photo, palette, *list(made.values())[1:]])
    table = [[name, *(f"{value:.2f}" for value in np.mean(found, axis=0))] for name, found in values.items()]
    print_table([["mean of 12 pairs", *NAMES], *table])
    if "color-matcher mkl" in values:
        nearer = np.array(values["mixot"])[:, 0] < np.array(values["color-matcher mkl"])[:, 0]
        print(f"nearer to the palette than color-matcher mkl: {nearer.sum()} of {len(PAIRS)}")
    if sheet is not None:
        draw(sheet, ["photo", "palette", *list(makers)[1:]], rows)


def shipped(name: str) -> np.ndarray:
    """A photograph of scikit-image or scikit-learn, at most 512 pixels a side."""
    import skimage
    from sklearn.datasets import load_sample_image

    if name in ("china", "flower"):
        image = Image.fromarray(load_sample_image(f"{name}.jpg"))
    else:
        image = Image.open(next((Path(skimage.__file__).parent / "data").glob(f"{name}.*"))).convert("RGB")
    image.thumbnail((512, 512))
    return np.asarray(image)


def with_components(photo: np.ndarray, palette: np.ndarray) -> np.ndarray:
    return transfer(photo, palette, faithful=True, k=K, rng=0)


def by_pot(photo: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """POT's affine map between the moments of both pictures, in RGB."""
    import ot

    a, b = (image.reshape(-1, 3) / 255.0 for image in (photo, palette))
    moved = ot.da.LinearTransport().fit(Xs=a, Xt=b).transform(Xs=a)
    return np.rint(255 * np.clip(moved, 0, 1)).astype(np.uint8).reshape(photo.shape)


def color_matcher() -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Its two best methods, where it is installed."""
    try:
        from color_matcher import ColorMatcher
    except ImportError:
        print("color-matcher: left out, it is not installed")
        return {}

    def maker(method: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def run(photo: np.ndarray, palette: np.ndarray) -> np.ndarray:
            moved = ColorMatcher().transfer(src=photo.astype(float), ref=palette.astype(float), method=method)
            return np.clip(np.rint(moved), 0, 255).astype(np.uint8)

        return run

    return {f"color-matcher {method}": maker(method) for method in ("mkl", "hm-mkl-hm")}


def draw(path: Path, names: list[str], rows: list[list[np.ndarray]]) -> None:
    """All pictures on one sheet, a pair a row."""
    width, height = 300, 200
    sheet = Image.new("RGB", (width * len(names), height * len(rows) + 20), "white")
    for j, name in enumerate(names):
        ImageDraw.Draw(sheet).text((width * j + 4, 4), name, fill="black")
    for i, row in enumerate(rows):
        for j, pixels in enumerate(row):
            tile = Image.fromarray(pixels)
            tile.thumbnail((width - 4, height - 4))
            sheet.paste(tile, (width * j, 20 + height * i))
    sheet.save(path)


def cost() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, picture in (("photo", "rocket"), ("palette", "coffee")):
            Image.fromarray(datasets.photograph(picture)).resize(SIZE, Image.Resampling.LANCZOS).save(
                folder / f"{title}.png"
            )
        rows = [timed("mixot, T_mean", lambda: ours(folder), folder, repeat=5)]
        rows.append(timed("mixot, T_mean, smooth = 8", lambda: ours(folder, smooth=8), folder, repeat=3))
        print(f"natural map, 1024 x 768, CPU seconds: {natural_cost(folder):.2f}")
        try:
            rows.append(timed("scikit-learn + POT", lambda: theirs(folder), folder, repeat=1))
        except ImportError as absent:
            print(f"scikit-learn + POT: left out, {absent.name} is not installed")
    head = ["1024 x 768, k = 10", "CPU seconds", "elapsed seconds", "ratio", "log-likelihood per pixel"]
    print_table([head, *([name, cpu, wall, f"{cpu / rows[0][1]:.1f}", score] for name, cpu, wall, score in rows)])


def timed(name: str, job: Callable[[], list[Mixture]], folder: Path, *, repeat: int) -> tuple[str, float, float, float]:
    """Medians of CPU and elapsed seconds, after one call to warm up where there are several."""
    mixtures = job() if repeat > 1 else []
    cpu, wall = [], []
    for _ in range(repeat):
        start = time.process_time(), time.perf_counter()
        mixtures = job()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return name, float(np.median(cpu)), float(np.median(wall)), score(mixtures, folder)


def score(mixtures: list[Mixture], folder: Path) -> float:
    """Mean log-likelihood of all pixels under the mixture of their own picture."""
    values = [read_picture(folder / f"{title}.png").samples().points for title in ("photo", "palette")]
    return float(np.mean([mixture.log_density(x).mean() for mixture, x in zip(mixtures, values, strict=True)]))


def natural_cost(folder: Path) -> float:
    """Median CPU seconds of reading, fitting, moving and writing."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        photo, other = (read_picture(folder / f"{title}.png") for title in ("photo", "palette"))
        write_picture(folder / "mixot.png", Picture(transfer(photo.pixels, other.pixels), photo.icc))
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def ours(folder: Path, *, smooth: float | None = None) -> list[Mixture]:
    photo, other = (read_picture(folder / f"{title}.png") for title in ("photo", "palette"))
    result = transfer(photo.pixels, other.pixels, faithful=True, k=K, smooth=smooth, rng=0)
    write_picture(folder / "mixot.png", Picture(result, photo.icc))
    return _Fits.of(photo, other)


class _Fits:
    """The mixtures that `transfer` made, fitted once more outside the clock."""

    known: list[Mixture] | None = None

    @classmethod
    def of(cls, photo: Picture, other: Picture) -> list[Mixture]:
        if cls.known is None:
            cls.known = [Palette.of(picture.pixels, k=K, rng=0).mixture for picture in (photo, other)]
        return cls.known


def theirs(folder: Path) -> list[Mixture]:
    import ot
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    from mixot import Gaussian

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        photo, other = (np.asarray(Image.open(folder / f"{title}.png")) for title in ("photo", "palette"))
        colors = [image.reshape(-1, 3) / 255.0 for image in (photo, other)]
        p, q = (GaussianMixture(K, random_state=0).fit(x) for x in colors)
    moved = ot.gmm.gmm_ot_apply_map(
        colors[0], p.means_, q.means_, p.covariances_, q.covariances_, p.weights_, q.weights_
    )
    result = np.rint(255 * np.clip(moved, 0, 1)).astype(np.uint8).reshape(photo.shape)
    Image.fromarray(result).save(folder / "peers.png")
    return [Mixture(g.weights_, Gaussian(g.means_, g.covariances_)) for g in (p, q)]


if __name__ == "__main__":
    main()
