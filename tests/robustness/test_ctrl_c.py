"""Ctrl-C in a command, at any moment: one line, exit code 130, nothing left behind; and readers that leave early."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mixot.threads import apart

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of another kind")

_AT_AN_IMPORT = """
import os, signal, sys
from mixot.__main__ import main
left = {number}
def press(event, args):
    global left
    left -= event == "import"
    if left == 0:
        left -= 1
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(press)
sys.argv = ["mixot", "fit", "a.csv", "-k", "1", "-o", "m.json"]
main()
"""
_IN_A_BLOCK = """
import os, signal, time
from mixot._interrupts import end_at_once, unwinding
end_at_once()
def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
try:
    with unwinding():
        try:
            press()
        except KeyboardInterrupt as stopped:
            {reaction}
except KeyboardInterrupt:
    print("heard")
"""


@pytest.fixture
def folder(tmp_path, rng):
    np_rows = rng.standard_normal((40, 2))
    (tmp_path / "a.csv").write_text("u,v\n" + "".join(f"{u},{v}\n" for u, v in np_rows))
    return tmp_path


def ended(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [1, 30, 120, 250, 400, 550])
def test_while_a_module_is_loaded(number, folder):
    done = ended(_AT_AN_IMPORT.format(number=number), folder)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_after_a_delay(delay, folder):
    words = [sys.executable, "-m", "mixot", "fit", "a.csv"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    # Before anything of mixot runs Python may show where it was in itself.
    assert not any(place in said for place in ("__main__.py", "_interrupts.py", "mixot/cli"))
    assert process.returncode in (130, 0) or "KeyboardInterrupt" in said or process.returncode == -signal.SIGINT
    assert process.returncode != 130 or said == "error: interrupted\n"


@pytest.mark.parametrize(
    "reaction",
    ["pass", "while True: pass", "raise RuntimeError('of __set_name__') from stopped", "os.environ['no such name']"],
)
def test_what_swallows_it_is_told_again(reaction, folder):
    done = ended(_IN_A_BLOCK.format(reaction=reaction), folder)
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_other_errors_stay_what_they_are(folder):
    code = _IN_A_BLOCK.format(reaction="pass").replace("            press()", "            1 / 0")
    done = ended(code, folder)
    assert "ZeroDivisionError" in done.stderr


def test_programs_that_ignore_the_signal_go_on(folder):
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + _AT_AN_IMPORT.format(number=30)
    assert ended(code, folder).returncode == 0
    assert (folder / "m.json").exists()


@pytest.mark.parametrize("words", ["fit a.csv -k 1", "fit a.csv -k 1 --json", "fit a.csv -k 1 -o -", "--help"])
def test_a_reader_that_leaves_is_no_bad_input(words, folder):
    heard, closed = os.pipe()
    os.close(heard)
    done = subprocess.run(
        [sys.executable, "-m", "mixot", *words.split()],
        cwd=folder,
        stdout=closed,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(closed)
    assert (done.returncode, done.stderr) == (141, "")


def test_no_standard_output(folder):
    line = f"{sys.executable} -m mixot fit a.csv -k 1 -o - >&-"
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: -o -: standard output is closed; name a file\n"


def test_long_calls_of_others_are_left():
    """The call goes on without the lock of the interpreter, and whoever waits for it hears Ctrl-C all the same."""
    code = """
import os, signal, threading, time
from mixot.threads import apart
begun, left = threading.Event(), threading.Event()
def call(is_waited_for):
    begun.set()
    while is_waited_for():
        time.sleep(0.01)
    left.set()
threading.Thread(target=lambda: (begun.wait(), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
try:
    apart(call)
except KeyboardInterrupt:
    print("heard", left.wait(10))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("heard True\n", "")


def test_errors_of_long_calls_come_back():
    def call(is_waited_for):
        raise KeyError(is_waited_for())

    with pytest.raises(KeyError, match="True"):
        apart(call)
