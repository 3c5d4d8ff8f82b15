"""`recolor` of a 1024 x 768 picture, reading and writing included, against scikit-learn + POT doing the same job.

Both fit ten full-covariance components to the colors of each picture, solve for the plan, move every pixel by T_mean
and write a PNG. scikit-learn fits every pixel; mixot fits the colors counted in cells of side 1/64, so the last column
compares the fits where they have to be good: the mean log-likelihood of all pixels of both pictures.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _table import print_table, versions
from PIL import Image

from mixot import Mixture, datasets
from mixot.imaging.color import Palette, transfer
from mixot.io import Picture, read_picture, write_picture

SIZE = 1024, 768
K = 10


def main() -> None:
    print(versions("mixot", "POT", "scikit-learn", "pillow", "numpy"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, picture in (("photo", "rocket"), ("palette", "coffee")):
            Image.fromarray(datasets.photograph(picture)).resize(SIZE, Image.Resampling.LANCZOS).save(
                folder / f"{title}.png"
            )
        rows = [timed("mixot", lambda: ours(folder), folder, repeat=5)]
        rows.append(timed("mixot, smooth = 8", lambda: ours(folder, smooth=8), folder, repeat=3))
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


def ours(folder: Path, *, smooth: float | None = None) -> list[Mixture]:
    photo, other = (read_picture(folder / f"{title}.png") for title in ("photo", "palette"))
    result = transfer(photo.pixels, other.pixels, k=K, smooth=smooth, rng=0)
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
