"""Whether an HDF5 file can be read at all: tried in another process, which may hang or crash without harm.

The HDF5 library follows what the bytes say, and altered bytes can say: go round in circles, or: write there. No Python
code can stop it then, so a file is read by a process that can be stopped before it is read here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mixot.errors import InputError

_SECONDS, _BYTES_A_SECOND = 7.0, 2e7  # a slow disk reads as much
_START = 120.0  # for Python to start and h5py to be imported, on a machine that does much else

# Read what is named, groups with all that is in them, a few rows at a time, and throw it away. Of files that anndata
# before 0.8 wrote that is all but X, as they are read; a matrix X that is a group is sparse, and never read.
_PROGRAM = """
import json, sys, h5py
path, names = json.loads(sys.argv[1])
print("ready", flush=True)
def touch(item):
    dict(item.attrs)
    if isinstance(item, h5py.Group):
        for name in list(item):
            touch(item[name])
    elif item.size is None or item.size * item.dtype.itemsize > max(1 << 28, 200 * item.id.get_storage_size()):
        pass  # nothing, or so much that it is refused elsewhere
    elif item.ndim == 0:
        item[()]
    else:
        step = max(1, (1 << 22) // max(1, item.dtype.itemsize * item.size // max(1, len(item))))
        for start in range(0, len(item), step):
            item[start : start + step]
with h5py.File(path, "r") as file:
    dict(file.attrs)
    obs = file["obs"]
    if isinstance(obs, h5py.Dataset) or obs.attrs.get("encoding-version") == "0.1.0":
        names = set(names) | (set(file) - {"X", "raw.X", "layers"})
    for name in names:
        if name in file and not (name == "X" and isinstance(file[name], h5py.Group)):
            touch(file[name])
"""


class Probe:
    """A process that reads the elements ``names`` of a file; started at once, asked for its result later."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._path = path
        command = [sys.executable, "-P", "-c", _PROGRAM, json.dumps([str(path), list(names)])]
        self._process = (
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if sys.executable
            else None  # Python inside another program: there is nothing to start
        )

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def check(self) -> None:
        """Wait for the process.

        Raises
        ------
        InputError
            Where it crashed, or did not come to an end in seven seconds and one more for each 20 MB.
        """
        if self._process is None or not self._is_ready():
            return  # it could not start, which says nothing about the file
        try:
            code = self._process.wait(_SECONDS + self._path.stat().st_size / _BYTES_A_SECOND)
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{self._path}: the file is damaged (HDF5 does not come to an end); write it again"
            ) from None
        if code < 0:
            raise InputError(f"{self._path}: the file is damaged (HDF5 crashes on it, signal {-code}); write it again")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.stdout is not None
        watch = threading.Timer(_START, self._process.kill)
        watch.start()
        try:
            return self._process.stdout.readline() == b"ready\n"
        finally:
            watch.cancel()
