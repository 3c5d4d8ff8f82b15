"""Events of flow cytometry byte by byte: integers of any width, ranges, and what is refused."""

import numpy as np
import pytest

from mixot import InputError
from mixot.io import read_table

pytest.importorskip("flowio")


def write(path, channels, data, version="3.1", extra=0, **words):
    """A file of the given bytes, with bits and range of each channel by its name."""
    told = {"BYTEORD": "4,3,2,1", "DATATYPE": "I", "MODE": "L", "NEXTDATA": 0, "PAR": len(channels), "TOT": 2}
    for j, (name, (bits, top)) in enumerate(channels.items(), 1):
        told |= {f"P{j}N": name, f"P{j}B": bits, f"P{j}R": top, f"P{j}E": "0,0"}
    start = 2048
    stop = start + len(data) - 1 + extra
    told |= {"BEGINDATA": start, "ENDDATA": stop, **words}
    text = ("/" + "".join(f"${name}/{value}/" for name, value in told.items())).encode()
    places = (256, 256 + len(text) - 1, start, stop, 0, 0)
    head = f"FCS{version}    ".encode() + b"".join(f"{place:8d}".encode() for place in places)
    path.write_bytes(head.ljust(256) + text.ljust(start - 256) + data + b" " * 8)
    return path


def of(numbers, bits, order="big"):
    return b"".join(int(number).to_bytes(bits // 8, order) for number in numbers)


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("bits", [8, 16, 24, 32, 40, 48, 56, 64])
def test_integers_of_whole_bytes_are_read_right(bits, order, rng, tmp_path):
    events = rng.integers(0, 2 ** min(bits, 52), (2, 3))
    channels = dict.fromkeys("abc", (bits, 2**bits))
    orders = {"big": "4,3,2,1", "little": "1,2,3,4"}
    write(tmp_path / "a.fcs", channels, of(events.ravel(), bits, order), BYTEORD=orders[order])
    table = read_table(tmp_path / "a.fcs")
    np.testing.assert_array_equal(table.values, events)
    assert table.notes == ()


def test_each_channel_has_a_width_and_a_range_of_its_own(tmp_path):
    """A range of 1024 leaves ten bits, one of 1000 as well; what stands above them is not the number's."""
    channels = {"a": (16, 1024), "b": (24, 1000), "c": (8, 256), "d": (32, 262144)}
    rows = [(1023, 999, 255, 262143), (5, 1, 0, 7)]
    noise = [(0xFC00, 0xABC400, 0, 0xFFFC0000), (0x8000, 0, 0, 0x40000)]
    data = b"".join(
        of([number | above], bits)
        for row, over in zip(rows, noise, strict=True)
        for number, above, (bits, _) in zip(row, over, channels.values(), strict=True)
    )
    table = read_table(write(tmp_path / "a.fcs", channels, data))
    np.testing.assert_array_equal(table.values, rows)
    assert table.notes == ()
    old = read_table(write(tmp_path / "b.fcs", channels, data, version="2.0"))
    np.testing.assert_array_equal(old.values, rows)


def test_floats_and_types_of_single_channels(tmp_path):
    doubles = np.array([[1.5, -2.25], [1e300, 3.0]])
    channels = {"a": (64, 1000), "b": (64, 1000)}
    path = write(tmp_path / "a.fcs", channels, doubles.astype(">f8").tobytes(), DATATYPE="D")
    np.testing.assert_array_equal(read_table(path).values, doubles)
    mixed = b"".join(of([number], 16) + np.array(value, dtype=">f4").tobytes() for number, value in [(7, 0.5), (9, -4)])
    path = write(tmp_path / "b.fcs", {"a": (16, 1024), "b": (32, 1000)}, mixed, P2DATATYPE="F")
    np.testing.assert_array_equal(read_table(path).values, [[7, 0.5], [9, -4]])


def test_decades_and_gains_are_applied_to_integers(tmp_path):
    path = write(tmp_path / "a.fcs", {"a": (24, 1024), "b": (24, 1024)}, of([512, 10, 0, 30], 24), P1E="4,1", P2G="2")
    np.testing.assert_allclose(read_table(path).values, [[100, 5], [1, 15]])


def test_what_could_be_read_otherwise_is_told(tmp_path):
    channels = {"a": (16, 0), "b": (64, 2**64)}
    data = b"".join(of([number], bits) for number, bits in [(7, 16), (2**60 + 1, 64), (9, 16), (1, 64)])
    table = read_table(write(tmp_path / "a.fcs", channels, data, extra=1, TOT=5))
    np.testing.assert_array_equal(table.values, [[7, 2.0**60], [9, 1]])
    assert table.notes == (
        "its header says that the data end one byte later than they do, as some cytometers write",
        "its header counts 5 events ($TOT), its data hold 2, and those are read",
        "the range of a is 0 ($P1R), which is none: all its bits are read",
        "numbers of b are larger than 2^53, and rounded to 53 bits",
    )


@pytest.mark.parametrize(
    ("bits", "words", "said"),
    [
        (10, {}, r"the integers of channel B1 have 10 bits \(\$P2B\), and those of 8, 16, 24 ... 64 can be read"),
        (72, {}, "the integers of channel B1 have 72 bits"),
        ("*", {}, r"the integers of channel B1 have \* bits"),
        (16, {"DATATYPE": "A"}, r"channel FSC holds text \(\$DATATYPE A\); export it again as FCS 3.1, with floats"),
        (16, {"DATATYPE": "X"}, "channel FSC holds numbers of an unknown type"),
        (16, {"BYTEORD": "3,4,1,2"}, r"the order of its bytes is 3,4,1,2 \(\$BYTEORD\), and neither 1,2,3,4 nor"),
        (16, {"MODE": "C"}, r"it holds histograms \(\$MODE C\); export its events"),
        (32, {}, "its data end within an event: 8 bytes are no whole number of 6"),
        (16, {"PAR": 3}, r"2 of its 3 channels have names \(\$PnN\)"),
    ],
)
def test_what_cannot_be_read_is_told_by_channel(bits, words, said, tmp_path):
    path = write(tmp_path / "a.fcs", {"FSC": (16, 1024), "B1": (bits, 1024)}, bytes(8), **words)
    with pytest.raises(InputError, match=said) as failure:
        read_table(path)
    assert str(failure.value).startswith(f"{path}: ")
