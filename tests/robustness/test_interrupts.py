"""Ctrl-C is heard within half a second, wherever the program is."""

import os
import signal
import subprocess
import sys
import time

import pytest

SETUPS = {
    "exact coupling": (
        "from mixot import Exact; cost = rng.random((3000, 3000)); even = np.full(3000, 1 / 3000)",
        "Exact().solve(cost, even, even)",
    ),
    "Bures costs": (
        "from mixot import Gaussian; r = rng.standard_normal((1500, 24, 24)); "
        "laws = Gaussian(np.zeros((1500, 24)), r @ r.swapaxes(1, 2))",
        "laws.cost(laws.take(np.arange(1500)[::-1]))",
    ),
    "all pairs": (
        "from mixot import Samples, distances; clouds = [Samples(rng.random((150, 2))) for _ in range(400)]",
        "distances(clouds)",
    ),
    "points to a picture": (
        "from mixot import Grid, plan; x, q = rng.random((30000, 2)), Grid(rng.random((512, 512)), [[0, 1], [0, 1]])",
        "plan(x, q)",
    ),
    "points to a mixture in the plane": (
        "from mixot import Gaussian, Mixture, plan; "
        "q = Mixture(np.full(8, 1 / 8), Gaussian(rng.random((8, 2)), [0.01 * np.eye(2)] * 8)); "
        "x = rng.random((4000, 2))",
        "plan(x, q)",
    ),
    "points to a mixture in space": (
        "from mixot import Gaussian, Mixture, plan; "
        "x, q = rng.random((400, 3)), Mixture(np.full(4, 1 / 4), Gaussian(rng.random((4, 3)), [0.02 * np.eye(3)] * 4))",
        "plan(x, q)",
    ),
    "points to voxels": (
        "from mixot import Grid, plan; x, q = rng.random((2000, 3)), Grid(rng.random((48, 48, 48)), [[0, 1]] * 3)",
        "plan(x, q)",
    ),
    "EM": (
        "from mixot import EM, fit; x = rng.standard_normal((200000, 10))",
        "fit(x, k=8, method=EM(starts=1, max_iter=400, tol=1e-14), rng=0)",
    ),
    "entropic coupling": (
        "from mixot import OMT; cost = rng.random((1500, 1500)); even = np.full(1500, 1 / 1500)",
        "OMT(lam=1e-4).solve(cost, even, even)",
    ),
    "quantizer of a picture": (
        "from mixot import Grid, quantize; q = Grid(rng.random((256, 256)))",
        "quantize(q, 4000, rng=0)",
    ),
    "texture": (
        "from mixot.imaging.texture import synthesize; u = rng.random((64, 64, 3))",
        "synthesize(u, (1500, 1500), method='gaussian', rng=0)",
    ),
    "certificate": (
        "from mixot import Gaussian, Mixture, certify; x = rng.standard_normal((8000, 3)); "
        "p = Mixture([1.0], Gaussian([[0.0] * 3], [np.eye(3)]))",
        "certify(x, p, c=0.2)",
    ),
    "moments": (
        "from mixot import MomentSOS, fit; x = rng.standard_normal((2000, 2))",
        "fit(x, method=MomentSOS(order=5))",
    ),
    "barycenter of many": (
        "from mixot import Gaussian, Mixture, barycenter; "
        "ps = [Mixture(np.full(30, 1 / 30), Gaussian(rng.random((30, 2)), [np.eye(2)] * 30)) for _ in range(5)]",
        "barycenter(ps)",
    ),
    "permutations of W2": (
        "from mixot import two_sample_test; x = rng.standard_normal((1500, 2))",
        "two_sample_test(x, x + 0.1, 'w2', rng=0)",
    ),
    "permutations of energy distances": (
        "from mixot import two_sample_test; x = rng.standard_normal((8000, 2))",
        "two_sample_test(x, x + 0.1, 'energy', rng=0)",
    ),
    "an energy distance of many rows": (
        "from mixot import two_sample_test; x = rng.standard_normal((400000, 2))",
        "two_sample_test(x, x + 0.1, 'energy', rng=0)",
    ),
    "one component": (
        "from mixot import test_one_component; x = rng.standard_normal((100000, 3))",
        "test_one_component(x, rng=0)",
    ),
    "split test": (
        "from mixot import split_test; x = rng.standard_normal((3000, 3))",
        "split_test(x, 'gaussian mixture, sd >= 0.4', rng=0)",
    ),
    "least W2": (
        "from mixot import fit; x = rng.standard_normal((1500, 2))",
        "fit(x, k=4, method='wasserstein', rng=0)",
    ),
}


_INSIDE = 0.6  # seconds of the processor after which imports and what comes before the loop are over


@pytest.mark.parametrize("threads", ["1", pytest.param("2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", SETUPS)
def test_an_interrupt_ends_the_kernel(what, threads):
    setup, call = SETUPS[what]
    code = (
        "import sys, time; import numpy as np; rng = np.random.default_rng(0)\n"
        f"{setup}\nprint('ready', flush=True)\n"
        f"try:\n    while True: {call}\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)"
    )
    environment = {**os.environ, "MIXOT_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "ready\n"
        begun = cpu_seconds(process.pid)
        while (before := cpu_seconds(process.pid)) - begun < _INSIDE * int(threads):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        # Processor time, all threads: by the clock the other tests would count, too.
        assert cpu_seconds(process.pid) - before < 0.5 * int(threads)
        process.wait(timeout=60)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
