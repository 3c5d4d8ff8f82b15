"""What is written is whole, on the disk, as open to others as before, and alone in its folder."""

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

from mixot import Gaussian, Mixture, save
from mixot.io import atomic, replacing, write_table

MODEL = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
KILLED = """
import os, signal, sys
from mixot.io import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_a_killed_process_left_is_swept(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "m.json")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 1
    assert names(tmp_path)[0].endswith(".part")
    save(MODEL, tmp_path / "m.json")
    assert names(tmp_path) == ["m.json"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_drafts_of_others_stay(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    here = f"{atomic._machine():08x}"
    kept = [
        f".mixot-{here}-{child.pid}-00000000.part",  # of a process that lives
        f".mixot-{here}-{os.getpid()}-00000001.part",  # of another thread
        f".mixot-{(atomic._machine() + 1) % 2**32:08x}-{int(dead.stdout)}-00000002.part",  # of another machine
        ".note.txt.0123abcd.part",
        f"mixot-{here}-{int(dead.stdout)}-00000003.part",
    ]
    for name in [*kept, f".mixot-{here}-{int(dead.stdout)}-00000004.part"]:
        (tmp_path / name).write_text("")
    write_table(tmp_path / "t.csv", np.zeros((1, 1)))
    child.communicate(b"\n")
    assert names(tmp_path) == sorted([*kept, "t.csv"])


def test_bytes_are_on_the_disk_before_the_name(tmp_path, monkeypatch):
    steps = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (steps.append(os.fstat(number).st_size), sync(number))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("renamed"), replace(*names))[1])
    with replacing(tmp_path / "note.txt") as file:
        file.write(b"12345")
    assert steps == [5, "renamed"]


@pytest.mark.skipif(os.name != "posix", reason="bits of access")
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_stays_as_open_as_it_was(mode, tmp_path):
    path = tmp_path / "m.json"
    save(MODEL, path)
    path.chmod(mode)
    save(MODEL, path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_name_as_long_as_names_may_be(tmp_path):
    name = "m" * 250 + ".json"
    save(MODEL, tmp_path / name)
    assert names(tmp_path) == [name]
