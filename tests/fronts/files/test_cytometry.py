"""Events of flow cytometry: channels, spillover and scales."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mixot import AccuracyWarning, InputError, read
from mixot.io import Asinh, Logicle, read_table

flowio = pytest.importorskip("flowio")

CHANNELS, MARKERS = ["FSC-A", "B1-A", "V1-A", "Time"], ["", "CD3", "CD4", ""]


def write(path, events, **keywords):
    with path.open("wb") as file:
        flowio.create_fcs(file, events.ravel().tolist(), CHANNELS, MARKERS, keywords or None)


@pytest.fixture
def events(rng):
    return rng.lognormal(5, 2, (50, 4)).astype(np.float32).astype(np.float64)


def test_channels_are_found_by_both_their_names(events, tmp_path):
    write(tmp_path / "a.fcs", events)
    table = read_table(tmp_path / "a.fcs")
    assert (table.columns, table.notes) == (tuple(CHANNELS), ())
    np.testing.assert_array_equal(table.values, events)
    chosen = read_table(tmp_path / "a.fcs", columns=["CD4", "B1-A"])
    assert chosen.columns == ("CD4", "B1-A")
    np.testing.assert_array_equal(chosen.values, events[:, [2, 1]])
    with pytest.raises(InputError, match=r"no channel 'CD8'; channels are FSC-A, B1-A \(CD3\), V1-A \(CD4\), Time"):
        read(tmp_path / "a.fcs", columns=["CD8"])


def test_spillover_is_taken_back_where_it_is_asked_for(events, tmp_path):
    spill = np.array([[1.0, 0.2], [0.05, 1.0]])
    seen = events.copy()
    seen[:, 1:3] = events[:, 1:3] @ spill
    write(tmp_path / "a.fcs", seen, SPILLOVER="2,B1-A,V1-A,1,0.2,0.05,1")
    table = read_table(tmp_path / "a.fcs", compensate=True)
    np.testing.assert_allclose(table.values, events, rtol=2e-6, atol=1e-6 * seen.max())  # the file holds float32
    assert table.notes == ()
    assert "its spillover matrix is not applied" in read_table(tmp_path / "a.fcs").notes[0]
    for text, said in {
        "2,B1-A,V1-A,1,1,1,1": "the spillover matrix of B1-A, V1-A has no inverse",
        "2,B1-A,V9-A,1,0,0,1": "its spillover matrix cannot be read",
        "2,B1-A,V1-A,1,0,0": "its spillover matrix cannot be read",
        "2,B1-A,B1-A,1,0,0,1": "its spillover matrix names other channels",
    }.items():
        write(tmp_path / "b.fcs", seen, SPILLOVER=text)
        with pytest.raises(InputError, match=said):
            read_table(tmp_path / "b.fcs", compensate=True)
    write(tmp_path / "c.fcs", seen)
    with pytest.raises(InputError, match="there is no spillover matrix in this file; leave compensate"):
        read_table(tmp_path / "c.fcs", compensate=True)


def test_scales_leave_scatter_and_time_alone(events, tmp_path):
    write(tmp_path / "a.fcs", events)
    for scale, value in {"asinh": Asinh(), "logicle": Logicle(), Asinh(5.0): Asinh(5.0)}.items():
        table = read_table(tmp_path / "a.fcs", scale=scale)
        np.testing.assert_array_equal(table.values[:, [0, 3]], events[:, [0, 3]])
        np.testing.assert_array_equal(table.values[:, 1:3], value(events[:, 1:3]))
        assert table.notes == (f"{value} is taken of B1-A, V1-A; FSC-A, Time are as they stand",)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.warns(AccuracyWarning, match=r"Asinh\(cofactor=150.0\) is taken of a, b"):
        read(tmp_path / "t.csv", scale="asinh")
    with pytest.raises(InputError, match=r'scale must be "linear", "asinh", "logicle", .* got \'log\''):
        read_table(tmp_path / "t.csv", scale="log")
    with pytest.raises(InputError, match=r"compensate \(--compensate\) is for \.fcs files, this is \.csv"):
        read_table(tmp_path / "t.csv", compensate=True)


def test_files_that_are_no_events(events, tmp_path):
    write(tmp_path / "a.fcs", events)
    data = (tmp_path / "a.fcs").read_bytes()
    for name, bad in {"cut": data[:-8], "text": b"a,b\n1,2\n", "empty": b"", "head": data[:200]}.items():
        (tmp_path / f"{name}.fcs").write_bytes(bad)
        with pytest.raises(InputError, match=rf"{name}\.fcs: cannot be read as FCS \(.*\); export it again"):
            read(tmp_path / f"{name}.fcs")


# Gating-ML 2.0 (ISAC, 2013), Table 8: T = 1000, W = 1, M = 4, A = 0.
GATING_ML = {-10: 0.067574, -5: 0.147986, -1: 0.228752, 0: 0.25, 0.3: 0.256384, 1: 0.271248, 3: 0.312897}
GATING_ML |= {10: 0.432426, 100: 0.739548, 1000: 1.0}


def test_logicle_has_the_published_values():
    found = Logicle(top=1000.0, width=1.0, decades=4.0)(np.array(list(GATING_ML)))
    np.testing.assert_allclose(found, list(GATING_ML.values()), atol=5e-7)


SCALES = [
    Logicle(),
    Logicle(1000.0, 0.5, 4.0, 1.0),
    Logicle(1e4, 1.0, 5.0, -0.3),
    Logicle(1000.0, 0.0, 4.0),
    Asinh(5.0),
]


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_the_inverse_of_a_scale_is_exact(scale, rng):
    y = rng.uniform(-1.0, 1.5, (200, 3))
    np.testing.assert_allclose(scale(scale.inverse(y)), y, atol=5e-16)
    x = rng.standard_normal(500) * 10.0 ** rng.uniform(-12, 6, 500)
    np.testing.assert_allclose(scale.inverse(scale(x)), x, rtol=1e-9, atol=1e-12)
    assert (np.diff(scale(np.sort(x))) >= 0).all()


@pytest.mark.parametrize("scale", SCALES[:3], ids=str)
def test_a_logicle_is_straight_at_zero_and_ends_at_its_top(scale):
    zero, step = float(scale(np.array(0.0))), 1e-3
    left, middle, right = scale.inverse(zero + np.array([-step, 0.0, step]))
    assert middle == 0.0
    assert left + right == 0.0  # also the second derivative on each side vanishes:
    two = scale.inverse(np.array(zero + 2 * step))
    assert abs(two - 2 * right) < 1e-2 * step * right * 10
    assert abs(float(scale(np.array(scale.top))) - 1.0) < 1e-14
    whole = scale.decades + scale.negative
    assert abs(zero - (scale.negative + scale.width) / whole) < 1e-15


@pytest.mark.parametrize(
    "bad", [{"top": 0.0}, {"width": 3.0}, {"negative": 9.0}, {"decades": -1.0}, {"top": float("nan")}]
)
def test_scales_that_are_none(bad):
    with pytest.raises(InputError, match="must"):
        Logicle(**bad)
    with pytest.raises(InputError, match="cofactor must be positive"):
        Asinh(0.0)


def test_a_command_fits_events_on_a_scale(rng, tmp_path):
    write(tmp_path / "a.fcs", np.abs(rng.lognormal(5, 1, (80, 4))))
    run = [sys.executable, "-m", "mixot", "fit", "a.fcs", "--scale", "asinh", "--cofactor", "5", "--columns", "CD3,CD4"]
    done = subprocess.run([*run, "-k", "1", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["notes"] == ["a.fcs: Asinh(cofactor=5.0) is taken of CD3, CD4"]
