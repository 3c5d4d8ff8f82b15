"""Frames moved as films store them, luma and chroma, without a turn through RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._native import move_planes, sum_plane
from mixot._shapes import Float
from mixot.imaging.guided import box_mean
from mixot.imaging.natural import ColorTable
from mixot.threads import thread_count

_LUMAS, _CHROMAS = 33, 65  # entries along luma and each chroma, as in native/pictures/planes.hpp
_UNIT = 64  # parts of a code of 8 bits that a table of planes counts in
# Shares of red and blue in luma, by the number of the matrix in ITU-T H.273.
_SHARES = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593),
}  # fmt: skip
_LAYOUTS = {"420p": (1, 1), "422p": (1, 0), "444p": (0, 0)}  # by what power of two chroma is coarser, across and down
_RADIUS = 0.008  # of the windows, as a share of the root of the picture's area
_EPS = 6e-4  # sqrt(eps) is 2.4 % of full scale: what varies less than that in a window is grain
_CELLS = 2  # cells of the grid of coefficients in a radius


@dataclass(frozen=True)
class Layout:
    """How planes are stored: bits of a code, powers of two by which chroma is coarser, and the kind of the frame."""

    name: str
    depth: int
    coarser: tuple[int, int]

    @classmethod
    def of(cls, name: str, size: tuple[int, int]) -> Layout | None:
        """The layout of that name of FFmpeg's; None of a kind, or of a size, that is moved as RGB."""
        kind, _, bits = name.removeprefix("yuvj").removeprefix("yuv").partition("p")
        coarser = _LAYOUTS.get(f"{kind}p") if name.startswith("yuv") else None
        if coarser is None or bits not in ("", "10le", "12le"):
            return None
        if size[0] % (1 << coarser[0]) or size[1] % (1 << coarser[1]):
            return None
        return cls(name, int(bits.removesuffix("le") or 8), coarser)


def moves_planes(matrix: int) -> bool:
    """Whether frames of this matrix can be moved plane by plane; others go through RGB."""
    return matrix in _SHARES


@dataclass(frozen=True, eq=False)
class PlaneTable:
    """A table of colors as a table of what is added to luma and chroma.

    ``values`` (3, 65, 65, 33) int16 holds the displacements of luma, blue and red chroma in 64ths of a code of 8 bits,
    at blue and red chroma and luma, evenly over all codes. Codes that are no color are moved as the nearest one in RGB,
    so that the identity leaves every code as it is.
    """

    values: np.ndarray

    @classmethod
    def of(cls, table: ColorTable, matrix: int, *, full: bool) -> PlaneTable:
        """That of a table of colors, for a matrix (ITU-T H.273) and the range of video, or the full one."""
        u, v, y = np.meshgrid(
            *(np.linspace(0, 256, n, dtype=np.float32) for n in (_CHROMAS, _CHROMAS, _LUMAS)), indexing="ij"
        )
        low, luma_scale, chroma_scale = (0, 255, 255) if full else (16, 219, 224)
        luma, blue, red = (y - low) / luma_scale, (u - 128) / chroma_scale, (v - 128) / chroma_scale
        kr, kb = _SHARES[matrix]
        kg = 1 - kr - kb
        r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
        rgb = np.clip(np.stack([r, (luma - kr * r - kb * b) / kg, b], axis=-1), 0, 1)
        shift = table(rgb) - rgb
        up = shift @ np.array([kr, kg, kb], np.float32)
        parts = [
            luma_scale * up,
            chroma_scale * (shift[..., 2] - up) / (2 * (1 - kb)),
            chroma_scale * (shift[..., 0] - up) / (2 * (1 - kr)),
        ]
        return cls(np.rint(_UNIT * np.stack(parts)).astype(np.int16))


def moved_planes(table: PlaneTable, frame: Any, layout: Layout, out: Any, *, grain: bool) -> None:
    """Write a frame of PyAV's, moved by a table, to the planes of another of the same size and layout.

    With ``grain`` a code is moved as far as the table moves what its surroundings make of it: the guided filter of each
    plane by itself, ``s = a x + (1 - a) mean``, ``a = var / (var + eps)``, as in `mixot.imaging.natural`.
    """
    sources, targets = _planes(frame, layout), _planes(out, layout)
    width, height = frame.width, frame.height
    across, down = layout.coarser
    sizes = [(width, height), (width >> across, height >> down), (width >> across, height >> down)]
    steps = [_step(width, height), max(1, _step(width, height) >> across)]
    fields = [_PASSING] * 3
    if grain:
        radius = _RADIUS * np.sqrt(width * height)
        fields = [
            _smoothing(plane, size, step, max(1, round(radius / each)), layout.depth)
            for plane, size, step, each in zip(
                sources, sizes, (steps[0], steps[1], steps[1]), (steps[0], *[steps[1] << across] * 2), strict=True
            )
        ]
    move_planes(*sources, *fields, steps, (width, height), layout.coarser, layout.depth, table.values, *targets,
                thread_count())  # fmt: skip


_PASSING = np.array([[[1, 0]]], np.float32)


def _step(width: int, height: int) -> int:
    return max(1, round(_RADIUS * float(np.sqrt(width * height)) / _CELLS))


def _smoothing(
    plane: np.ndarray, size: tuple[int, int], step: int, reach: int, depth: int
) -> Float[np.ndarray, "h w 2"]:
    width, height = size
    rows, cols = -(-height // step), -(-width // step)
    sums = np.empty((rows, cols, 2), np.float32)
    sum_plane(plane, width, height, step, sums, thread_count())
    counts = np.minimum(step, height - step * np.arange(rows))[:, None] * np.minimum(
        step, width - step * np.arange(cols)
    )
    scale = np.float32(1 << depth)
    shift = np.float32(scale / 2)
    counts = counts.astype(np.float32)
    means = sums[..., 0] / counts - shift  # small numbers keep their digits in the box means
    squares = sums[..., 1] / counts - (2 * shift) * (means + shift) + shift * shift
    box = box_mean(np.stack([means, squares], axis=-1), reach)
    spread = np.maximum(box[..., 1] - box[..., 0] ** 2, 0)
    slope = spread / (spread + np.float32(_EPS) * scale * scale)
    offset = (1 - slope) * (box[..., 0] + shift)
    return box_mean(np.stack([slope, offset], axis=-1), reach)


def _planes(frame: Any, layout: Layout) -> Sequence[np.ndarray]:
    kind = np.uint8 if layout.depth == 8 else np.uint16
    found = []
    for plane in list(frame.planes)[:3]:
        codes = np.frombuffer(plane, kind)
        stride = plane.line_size // codes.itemsize
        found.append(codes[: len(codes) // stride * stride].reshape(-1, stride))
    return found
