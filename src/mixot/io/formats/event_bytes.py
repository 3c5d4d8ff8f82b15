"""The events of an .fcs file from its bytes: integers of any number of whole bytes, and floats, channel by channel."""

from __future__ import annotations

from math import ceil, isfinite
from typing import Any

import numpy as np

from mixot._shapes import Float, Num
from mixot.errors import InputError
from mixot.io.contents import Content

_OFF_BY_ONE = "its header says that the data end one byte later than they do, as some cytometers write"
_FLOATS = {"F": 4, "D": 8}  # bytes
_AGAIN = "export it again as FCS 3.1, with floats ($DATATYPE F)"


def read_numbers(content: Content, data: Any) -> tuple[Float[np.ndarray, "n d"], list[str]]:
    """The numbers of all events as they are stored, (n, d), and notes; ``data`` is what flowio says of the file.

    Integers keep the bits that the range of their channel ($PnR) leaves them. The standard is that of Spidlen et al.,
    Cytometry A 77 (2010), with the types for each channel of FCS 3.2.

    Raises
    ------
    InputError
        On histograms, text, bits that fill no bytes, mixed orders of bytes, and events that are cut.
    """
    text = {key.lower(): str(value).strip() for key, value in data.text.items()}
    names, notes = list(data.pnn_labels), []
    if text["mode"].upper() != "L":
        raise InputError(
            f"{content}: it holds histograms ($MODE {text['mode']}); export its events, as a list ($MODE L)"
        )
    if len(names) != int(text["par"]):
        raise InputError(f"{content}: {len(names)} of its {text['par']} channels have names ($PnN); export it again")
    kinds = [text.get(f"p{j}datatype", text["datatype"]).upper() for j in range(1, len(names) + 1)]
    widths = [_width(content, name, kind, text, j) for j, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)]
    order = _order(content, text["byteord"], max(widths))
    rows = _rows(content, data, text, sum(widths), notes)
    out, at = np.empty((len(rows), len(names)), order="F"), 0
    for j, (name, kind, width) in enumerate(zip(names, kinds, widths, strict=True)):
        column = _column(rows[:, at : at + width], "f" if kind in _FLOATS else "u", order)
        at += width
        if kind == "I":
            column = _in_range(column, 8 * width, name, text, j + 1, notes)
        out[:, j] = column
    return out, notes


def _width(content: Content, name: str, kind: str, text: dict[str, str], j: int) -> int:
    """How many bytes a number of channel j has."""
    if kind in _FLOATS:
        return _FLOATS[kind]
    if kind != "I":
        what = "text" if kind == "A" else "numbers of an unknown type"
        raise InputError(f"{content}: channel {name} holds {what} ($DATATYPE {kind}); {_AGAIN}")
    told = text.get(f"p{j}b", "")
    bits = int(told) if told.isdecimal() else 0
    if bits % 8 or not 8 <= bits <= 64:
        raise InputError(
            f"{content}: the integers of channel {name} have {told or 'no number of'} bits ($P{j}B), and those of 8, "
            f"16, 24 ... 64 can be read; {_AGAIN}"
        )
    return bits // 8


def _order(content: Content, told: str, width: int) -> str:
    """The sign of NumPy for it: "<" where the least byte comes first, ">" where the last one does."""
    order = [int(place) for place in told.split(",")]
    if order == sorted(order):
        return "<"
    if order == sorted(order, reverse=True) or width == 1:
        return ">"
    raise InputError(
        f"{content}: the order of its bytes is {told} ($BYTEORD), and neither 1,2,3,4 nor 4,3,2,1; {_AGAIN}"
    )


def _rows(
    content: Content, data: Any, text: dict[str, str], width: int, notes: list[str]
) -> Num[np.ndarray, "n width"]:
    """The bytes of each event."""
    if data.version == "2.0":  # its text has no such words, or they are not to be trusted
        start, stop = data.header["data_start"], data.header["data_stop"]
    else:
        start, stop = int(text["begindata"]), int(text["enddata"])
    count, rest = divmod(max(stop - start + 1, 0), width)
    if rest > 1:
        raise InputError(
            f"{content}: its data end within an event: {stop - start + 1} bytes are no whole number of {width}; export "
            "it again"
        )
    if rest and count:
        notes.append(_OFF_BY_ONE)
    if count != int(text["tot"]):
        notes.append(f"its header counts {text['tot']} events ($TOT), its data hold {count}, and those are read")
    with content.open() as file:
        file.seek(start)
        held = file.read(count * width)
    return np.frombuffer(held, dtype=np.uint8).reshape(count, width)


def _column(held: Num[np.ndarray, "n width"], kind: str, order: str) -> Num[np.ndarray, " n"]:
    """The numbers of one channel; integers of 24 bits, say, in the next larger type."""
    width = held.shape[1]
    size = 1 << (width - 1).bit_length()
    whole = np.zeros((len(held), size), dtype=np.uint8)
    whole[:, slice(width) if order == "<" else slice(size - width, size)] = held
    return whole.view(f"{order}{kind}{size}")[:, 0]


def _in_range(
    column: Num[np.ndarray, " n"], bits: int, name: str, text: dict[str, str], j: int, notes: list[str]
) -> Num[np.ndarray, " n"]:
    """Integers without the bits above their range: these may hold anything."""
    top = float(text[f"p{j}r"])
    if not top > 0:
        notes.append(f"the range of {name} is {text[f'p{j}r']} ($P{j}R), which is none: all its bits are read")
        return column
    kept = (ceil(top) - 1).bit_length() if isfinite(top) else bits
    if kept < bits:
        column = column & np.array(2**kept - 1).astype(column.dtype)
    if len(column) and int(column.max()) > 2**53:
        notes.append(f"numbers of {name} are larger than 2^53, and rounded to 53 bits")
    return column
