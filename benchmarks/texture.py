"""Textures: seconds and memory of both methods, and how close they come to eight exemplars.

``python benchmarks/texture.py speed`` makes 256 x 256 and 1 024 x 1 024 pixels, each in a process of its own, whose
peak of memory is told. ``quality`` measures the debiased W2 of 8 x 8 patches, the contrast and the largest copy (see
``_texture_quality.py``) of spot noise, of its patches moved by T_mean as Delon and Desolneux do, and of the methods
"gaussian" (the same at four scales, colors matched) and "patches". The floor is that of another part of the exemplar:
its right half against its left one. ``montage FILE`` draws them all on one sheet. Without a word all three are run, the
sheet goes to ``textures.png``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from _table import print_table, versions
from _texture_quality import contrast, largest_copy, patch_distance

from mixot import datasets, io
from mixot.imaging.texture import synthesize
from mixot.imaging.texture.gaussian.patch_transport import PatchTransport, patches_of
from mixot.imaging.texture.gaussian.spot_noise import SpotNoise

SIZE = 256
Maker = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    job = sys.argv[1] if len(sys.argv) > 1 else "all"
    if job == "one":
        one(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    print(versions("mixot", "numpy", "scipy"))
    if job in ("speed", "all"):
        speed()
    if job in ("quality", "all"):
        quality()
    if job in ("montage", "all"):
        montage(sys.argv[2] if len(sys.argv) > 2 else "textures.png")


def exemplar(name: str) -> np.ndarray:
    """Values in [0, 1], (h, w, c) float32."""
    pixels = datasets.texture(name).astype(np.float32) / 255
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def spot_noise(picture: np.ndarray) -> np.ndarray:
    return SpotNoise.of(picture).sample((SIZE, SIZE), np.random.default_rng(0)).clip(0, 1)


def one_scale(picture: np.ndarray) -> np.ndarray:
    """The method of Delon and Desolneux, section 7.2, as it is: no coarser scale, no colors matched."""
    rng = np.random.default_rng(0)
    field, transport = SpotNoise.of(picture).sample((SIZE, SIZE), rng), PatchTransport()
    return transport.moved(field, transport.map(field, patches_of(picture, transport.width), rng)).clip(0, 1)


def gaussian(picture: np.ndarray) -> np.ndarray:
    return synthesize(picture, (SIZE, SIZE), method="gaussian", rng=0).pixels


def patches(picture: np.ndarray) -> np.ndarray:
    return synthesize(picture, (SIZE, SIZE), method="patches", rng=0).pixels


MAKERS: dict[str, Maker] = {
    "spot noise": spot_noise,
    "T_mean, one scale": one_scale,
    "gaussian": gaussian,
    "patches": patches,
}


def speed() -> None:
    rows = [["exemplar", "method", "pixels", "CPU seconds", "elapsed seconds", "peak MB", "of them before"]]
    for name in ("stones", "wood"):
        for method in ("gaussian", "patches"):
            for side in (256, 1024):
                command = [sys.executable, __file__, "one", name, method, str(side)]
                told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
                rows.append([name, method, f"{side} x {side}", *(float(word) for word in told)])
    print_table(rows)


def one(name: str, method: str, side: int) -> None:
    """Print CPU and elapsed seconds (medians of three at 256 pixels, one run at more) and memory of one texture."""
    picture = datasets.texture(name)
    synthesize(picture, (32, 32), method=method, rng=1)  # imports  # type: ignore[arg-type]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    seconds = []
    for _ in range(3 if side <= 256 else 1):
        start = time.process_time(), time.perf_counter()
        synthesize(picture, (side, side), method=method, rng=0)  # type: ignore[arg-type]
        seconds.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(*np.median(seconds, axis=0), peak, before)


def quality() -> None:
    rows = [["exemplar", "floor", *(f"{name}: W2, contrast, copy" for name in MAKERS)]]
    for name in datasets.TEXTURES:
        picture = exemplar(name)
        half = picture.shape[1] // 2
        floor = patch_distance(picture[:, half:], picture[:, :half])
        row = [name, f"{floor:.1f}"]
        for make in MAKERS.values():
            made = make(picture)
            copied = largest_copy(made, picture)
            row.append(f"{patch_distance(made, picture):.1f}, {contrast(made, picture):.3f}, {copied:.1%}")
        rows.append(row)
    print_table(rows)


def montage(path: str) -> None:
    """A sheet with the exemplar and every method side by side, one exemplar a row."""
    sheet = []
    for name in datasets.TEXTURES:
        picture = exemplar(name)
        cells = [np.pad(picture, [(0, SIZE - n) for n in picture.shape[:2]] + [(0, 0)], constant_values=1.0)]
        cells += [make(picture) for make in MAKERS.values()]
        cells = [
            np.pad(np.broadcast_to(cell, (SIZE, SIZE, 3)), ((0, 4), (0, 4), (0, 0)), constant_values=1)
            for cell in cells
        ]
        sheet.append(np.concatenate(cells, axis=1))
    io.write_picture(path, io.Picture(np.rint(255 * np.concatenate(sheet)).astype(np.uint8)))
    print(f"{path}: exemplar, {', '.join(MAKERS)}")


if __name__ == "__main__":
    main()
