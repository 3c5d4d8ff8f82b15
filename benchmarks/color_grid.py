"""A sheet of 5 x 5 pictures between four palettes, as the command makes it: a fresh process, reading and writing.

The picture has 512 x 512 pixels, on the sheet, too; the palettes are pictures, each fitted anew. CPU seconds of the
whole process, the medians.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _table import print_table, versions
from PIL import Image

from mixot import datasets

PALETTES = ("coffee", "rocket", "chelsea", "hubble_deep_field")
CODE = "from mixot.cli import main; main()"


def main() -> None:
    print(versions("mixot", "pillow", "numpy"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = Image.fromarray(datasets.photograph("astronaut"))
        picture.resize((512, 512), Image.Resampling.LANCZOS).save(folder / "photo.png")
        for title in PALETTES:
            Image.fromarray(datasets.photograph(title)).save(folder / f"{title}.png")
        corners = ["--palette", *(f"{title}.png" for title in PALETTES)]
        rows = [
            [f"grid of 5 x 5, {suffix}", command(folder, *corners, "--grid", "5", "-o", f"sheet{suffix}")]
            for suffix in (".png", ".jpg")
        ]
        rows.append(["one picture, between four", command(folder, *corners, "-o", "one.png")])
        rows.append(["one picture, one palette", command(folder, *corners[:2], "-o", "one.png")])
    print_table([["512 x 512", "CPU seconds"], *rows])


def command(folder: Path, *words: str, repeat: int = 5) -> float:
    """Median CPU seconds of ``mixot recolor photo.png`` with these words."""
    seconds = []
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-c", CODE, "recolor", "photo.png", *words], cwd=folder, check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
