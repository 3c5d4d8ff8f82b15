"""How many threads the compiled loops may use, and long calls of other libraries in a thread of their own."""

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from mixot.errors import InputError

_MOST = 4096  # threads: more is a slip, and would take the system down before it helps
_ISAS = ("baseline", "avx2", "avx512")
_LISTENING = 0.05  # seconds
T = TypeVar("T")


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


def apart(call: Callable[[Callable[[], bool]], T]) -> T:
    """Return what a call does that is made in a thread of its own, so that Ctrl-C is heard in this one meanwhile.

    It is for what other libraries do in one go without the lock of the interpreter. A call that is left behind ends at
    its own pace, or where it asks the function that it gets whether somebody still waits.

    Examples
    --------
    >>> apart(lambda is_waited_for: (1 + 1, is_waited_for()))
    (2, True)
    """
    found: list[T] = []
    failed: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            found.append(call(lambda: not ended.is_set()))
        except BaseException as wrong:  # raised where the call is waited for
            failed.append(wrong)

    thread = threading.Thread(target=run, name="mixot apart", daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(_LISTENING)  # a signal may reach another thread first, and not wake this one
    finally:
        ended.set()
    if failed:
        raise failed[0]
    return found[0]


def use_one_blas_thread() -> None:
    """Have the BLAS of NumPy work in one thread, where nobody has asked for another number or loaded NumPy before.

    It is for programs whose products are small: threads that wait for one spin, and take more time than they save. On
    a busy machine they take most of it. The compiled loops keep their own number of threads (`thread_count`).
    """
    if "numpy" in sys.modules or "OMP_NUM_THREADS" in os.environ:
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # OpenBLAS, which NumPy's wheels bring, reads it once


def _openmp() -> int | None:
    """What ``OMP_NUM_THREADS`` says of the outermost level; None where it says nothing that OpenMP would heed."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(int(first[:9]), 1) if first.isdecimal() and first.strip("0") else None
