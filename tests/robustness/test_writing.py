"""What is written is whole, on the disk, as open to others as before, and alone in its folder."""

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, save
from mixot.io import atomic, check_folder, check_target, replacing, write_table

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


def test_a_folder_is_tried_before_the_work(tmp_path, monkeypatch):
    assert check_folder(tmp_path / "made") == tmp_path / "made"
    assert check_folder(tmp_path / "made") == tmp_path / "made"  # that is there already
    assert names(tmp_path / "made") == []
    (tmp_path / "file").write_text("")
    for folder, said in ((tmp_path / "file", "expected a folder, this is a file"), (tmp_path / "a" / "b", "not exist")):
        with pytest.raises(InputError, match=said):
            check_folder(folder)
    for target, said in ((tmp_path / "made", "this is a folder"), (tmp_path / "x.doc", "use one of .csv .tsv")):
        with pytest.raises(InputError, match=said):
            check_target(target, () if target.suffix == "" else (".csv", ".tsv"))
    assert check_target(tmp_path / "x.CSV", (".csv",)) == tmp_path / "x.CSV"

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputError, match=r"cannot write into .*made \(Permission denied\)"):
        check_folder(tmp_path / "made")


def test_drafts_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_is_alive", lambda process: process in (7, os.getpid()))
    here = atomic._machine()
    kept = [f".mixot-{here:08x}-7-00000000.part", f".mixot-{here ^ 1:08x}-8-00000000.part", "some.part"]
    for name in [*kept, f".mixot-{here:08x}-8-00000000.part"]:
        (tmp_path / name).write_bytes(b"")
    write_table(tmp_path / "t.csv", np.eye(2))
    assert names(tmp_path) == sorted([*kept, "t.csv"])


def test_who_is_alive(monkeypatch):
    assert atomic._is_alive(os.getpid())
    for raised, alive in ((ProcessLookupError, False), (PermissionError, True), (OverflowError, True)):

        def kill(process, number, raised=raised):
            assert (process, number) == (5, 0)
            raise raised

        monkeypatch.setattr(os, "kill", kill)
        assert atomic._is_alive(5) == alive


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "m.json"
    os.mkfifo(pipe)
    for write in (lambda: save(MODEL, pipe), lambda: check_target(pipe)):
        with pytest.raises(InputError, match=r"m\.json: not a plain file"):
            write()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_went_wrong_is_told_also_where_the_draft_is_gone(tmp_path):
    def write():
        with replacing(tmp_path / "m.json"):
            for draft in tmp_path.iterdir():
                draft.unlink()
            raise ValueError("no more to write")

    with pytest.raises(ValueError, match="no more to write"):
        write()
