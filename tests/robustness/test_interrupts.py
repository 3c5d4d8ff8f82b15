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
}


@pytest.mark.parametrize("threads", ["1", "2"])
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
        time.sleep(0.5)
        before = cpu_seconds(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        # Processor time, all threads: by the clock the other tests would count, too.
        assert cpu_seconds(process.pid) - before < 0.5 * int(threads)
        process.wait(timeout=60)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
