"""How many threads the compiled loops may use, and what else the environment asks of them."""

import os

from mixot.errors import InputError

_MOST = 4096  # threads: more is a slip, and would take the system down before it helps
_ISAS = ("baseline", "avx2", "avx512")


def thread_count() -> int:
    """Return the number of threads for the compiled loops.

    It is ``MIXOT_NUM_THREADS`` where that environment variable is set. Else it is the number of processors that this
    process may run on, and at most ``OMP_NUM_THREADS``, which caps it as it caps other libraries.

    Raises
    ------
    InputError
        Where ``MIXOT_NUM_THREADS`` is no whole number from 1 to 4096, or ``MIXOT_ISA`` names no instruction set.
    """
    isa = os.environ.get("MIXOT_ISA")
    if isa and isa not in _ISAS:
        raise InputError(f"MIXOT_ISA must be one of {', '.join(_ISAS)}, got {isa!r}")
    asked = os.environ.get("MIXOT_NUM_THREADS")
    if asked is None:
        own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(own, _openmp() or own)
    # as long as it is, a number beyond every machine must not become one that int() or the kernels cannot hold
    digits = asked.lstrip("0")
    if not asked.isdecimal() or not digits:
        raise InputError(f"MIXOT_NUM_THREADS must be a positive whole number, got {asked!r}")
    if len(digits) > len(str(_MOST)) or int(digits) > _MOST:
        shown = asked if len(asked) <= 24 else f"{asked[:20]}..."
        raise InputError(f"MIXOT_NUM_THREADS must be a whole number of at most {_MOST}, got {shown!r}")
    return int(digits)


def _openmp() -> int | None:
    """What ``OMP_NUM_THREADS`` says of the outermost level; None where it says nothing that OpenMP would heed."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(int(first[:9]), 1) if first.isdecimal() and first.strip("0") else None
