"""`recolor_film` of 720p: CPU milliseconds a frame by task, and flicker against the source's.

Films of a second: a view of 1280 x 720 that wanders over a photograph which scikit-image or scikit-learn ships, with
grain of standard deviation 2 of 255 that is new in every frame, H.264. Flicker is that of flat areas (`flicker`), of
the decoded films; ratios are to the decoded source's, so that what the second encoder smoothes away counts, too.
"""

from __future__ import annotations

import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from _table import print_table, versions
from PIL import Image
from sklearn.datasets import load_sample_images

from mixot import datasets
from mixot.imaging.film import flicker, recolor_film

WIDTH, HEIGHT, FRAMES, RATE = 1280, 720, 25, 25
NOISE = 2.0


def main() -> None:
    china, flower = load_sample_images().images
    pictures = {"china": china, "flower": flower} | {n: datasets.photograph(n) for n in ("coffee", "rocket")}
    pairs = [("china", "flower"), ("flower", "coffee"), ("rocket", "china"), ("coffee", "rocket")]
    print(versions("mixot", "av", "numpy"))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source, palette in pairs[: int(sys.argv[1]) if len(sys.argv) > 1 else None]:
            film = folder / f"{source}.mp4"
            write_film(film, pictures[source])
            own = flicker(decoded(film))
            for label, grain in (("one map", False), ("one map, grain kept", True)):
                made = recolor_film(film, pictures[palette], folder / "out.mp4", grain=grain)
                spent = [1000 * made.cpu_seconds[task] / made.frames for task in ("decode", "apply", "encode")]
                ratio = flicker(decoded(folder / "out.mp4"), decoded(film)) / own
                rows.append([f"{source} -> {palette}, {label}", *spent, sum(spent), made.cpu_seconds["fit"], ratio])
    head = ["720p, CPU ms a frame", "decode", "apply", "encode", "together", "fit, s in all", "flicker ratio"]
    print_table([head, *rows])


def write_film(path: Path, picture: np.ndarray) -> None:
    """A view that wanders over a picture."""
    scale = max((WIDTH + 160) / picture.shape[1], (HEIGHT + 90) / picture.shape[0])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    large = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS), dtype=np.float32)
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "14", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(FRAMES):
            left, top = 2 * i, i
            view = large[top : top + HEIGHT, left : left + WIDTH]
            noisy = view + NOISE * rng.standard_normal(view.shape, dtype=np.float32)
            frame = av.VideoFrame.from_ndarray(np.clip(noisy, 0, 255).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def decoded(path: Path):
    """Some of its frames as RGB."""
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i >= 12:
                break
            yield frame.to_ndarray(format="rgb24")


if __name__ == "__main__":
    main()
