"""Ctrl-C in a program of mixot: while it is loaded it ends at once, while it works what is open is closed first.

Loading takes a good part of a second, and Python would show where in it the signal came. Nothing is open then, so there
is nothing to unwind. Only the standard library is used, and little of it: this is loaded before all else.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

INTERRUPTED = 130  # the exit code of shells: 128 and the number of the signal
_AGAIN = 0.1  # seconds of the processor after which whoever goes on is told once more


def end_at_once() -> None:
    """Let Ctrl-C end this program with one line wherever it is, but for blocks of `unwinding`.

    Programs that were told to ignore the signal, as those behind ``nohup`` are, go on doing so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def stop_listening() -> None:
    """Ignore Ctrl-C from here on: the work is done, and Python would show where it was while it takes itself down."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def unwinding() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on Ctrl-C inside the block, where files may be open, and at its end if it was lost.

    Exceptions get lost where code that is loaded swallows them, or makes others of them.
    """
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    inside, asked = True, False

    def unwind(number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        if inside:  # a timer may ring just when the block ends
            _repeat(unwind)
            raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, unwind)
        yield
    except Exception:
        if not asked:
            raise
    finally:
        inside = False
        _repeat(None)
        signal.signal(signal.SIGINT, _end)
    if asked:
        raise KeyboardInterrupt


def end_interrupted() -> None:
    """End this process with the code of interrupted ones.

    Where the signal came while Python compiled a text, such as that of a dataclass, an ordinary exit would be a death
    by the signal instead.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(INTERRUPTED)


def _repeat(handler: Callable[[int, object], None] | None) -> None:
    """Call a handler again while the program goes on; None for no longer."""
    if hasattr(signal, "SIGPROF"):  # elsewhere people press twice
        if handler is not None:
            signal.signal(signal.SIGPROF, handler)
        signal.setitimer(signal.ITIMER_PROF, 0.0 if handler is None else _AGAIN)


def _end(number: int, frame: object) -> None:
    with suppress(OSError):  # a buffer may be half written just now: the line goes around it
        os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)
