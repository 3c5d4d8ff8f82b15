"""How many threads the compiled loops may use."""

import os

from mixot.errors import InputError


def thread_count() -> int:
    """Return the number of threads for the compiled loops.

    It is ``MIXOT_NUM_THREADS`` where that environment variable is set, and else the number of processors that
    this process may run on.
    """
    asked = os.environ.get("MIXOT_NUM_THREADS")
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) < 1:
        raise InputError(f"MIXOT_NUM_THREADS must be a positive whole number, got {asked!r}")
    return int(asked)
