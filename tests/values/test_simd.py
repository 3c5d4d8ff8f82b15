"""The exponential inside the kernels, against 40 digits, on every instruction set that this processor has."""

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from mixot import _native

ISAS = ["baseline", "avx2", "avx512"]
SHARED = ISAS[: ISAS.index(_native.isa()) + 1] if "MIXOT_ISA" not in os.environ else [_native.isa()]

PROGRAM = """
import sys
import numpy as np
from mixot import _native
assert _native.isa() == sys.argv[1], _native.isa()
x = np.load(sys.argv[2])
out = np.empty_like(x)
_native.fast_exp(x, out)
np.save(sys.argv[3], out)
"""


def fast_exp(x, isa, folder):
    """`fast_exp` of x, in a process of its own: the instruction set is chosen once."""
    np.save(folder / "x.npy", x)
    command = [sys.executable, "-c", PROGRAM, isa, folder / "x.npy", folder / "out.npy"]
    subprocess.run(command, check=True, env={**os.environ, "MIXOT_ISA": isa})
    return np.load(folder / "out.npy")


@pytest.mark.parametrize("isa", SHARED)
def test_double_exponential_is_within_one_unit_in_the_last_place(isa, rng, tmp_path):
    x = np.concatenate([rng.uniform(-707.9, 708.9, 1500), rng.uniform(-1, 1, 500), [0.0, -0.0, 1e-300, -1e-17]])
    got = fast_exp(x, isa, tmp_path)
    with mpmath.workdps(40):
        error = [abs(float(y / mpmath.exp(v) - 1)) for v, y in zip(x.tolist(), got.tolist(), strict=True)]
    assert max(error) < 2.3e-16


@pytest.mark.parametrize("isa", SHARED)
def test_single_exponential_is_within_two_units_in_the_last_place(isa, rng, tmp_path):
    x = np.concatenate([rng.uniform(-86.9, 87.9, 20_000), rng.uniform(-1, 1, 2000), [0.0]]).astype(np.float32)
    got = fast_exp(x, isa, tmp_path)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.exp(x.astype(np.float64)), rtol=1.3e-7)


@pytest.mark.parametrize("isa", SHARED)
@pytest.mark.parametrize(("dtype", "low", "high"), [(np.float64, -708.0, 709.0), (np.float32, -87.0, 88.0)])
def test_exponentials_beyond_the_range_vanish_or_saturate(isa, dtype, low, high, tmp_path):
    x = np.array([-np.inf, 2 * low, high, 2 * high, np.inf, np.nan], dtype=dtype)
    got = fast_exp(x, isa, tmp_path)
    np.testing.assert_array_equal(got[:2], 0.0)
    np.testing.assert_array_equal(got[3:5], got[2])
    assert np.isnan(got[5])


def test_an_instruction_set_that_is_unknown_is_ignored():
    code = "from mixot import _native; print(_native.isa())"
    env = {**os.environ, "MIXOT_ISA": "quantum"}
    got = subprocess.run([sys.executable, "-c", code], check=True, env=env, capture_output=True, text=True)
    assert got.stdout.strip() in ISAS
