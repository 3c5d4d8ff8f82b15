"""The contract: no public name, parameter, command, option, field of JSON or of a model file is lost or changed.

`contract/record.py` describes the code, the files beside it hold what was promised; what is new is allowed.
"""

import json
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "contract"
RECORD = runpy.run_path(str(HERE / "record.py"))
PROMISED = {
    title: json.loads((HERE / f"{title}.json").read_text(encoding="utf-8"))
    for title in ("names", "commands", "documents", "models")
}
NEEDS = {"h5ad": "anndata", "photo.png": "PIL", "recolor": "skimage"}


def broken(promised, found, place=""):
    """What is missing of ``promised`` in ``found``, or differs there; what is found besides is fine."""
    if not isinstance(promised, dict) or not isinstance(found, dict):
        return [] if promised == found else [f"{place}: {promised!r} was promised, found {found!r}"]
    lost = [f"{place}.{name} is gone" for name in promised if name not in found]
    kept = [name for name in promised if name in found]
    return lost + [text for name in kept for text in broken(promised[name], found[name], f"{place}.{name}")]


def broken_calls(promised, found, place=""):
    """Calls that worked and no longer do: arguments by position have moved, or a new parameter must be given."""
    faults = []
    for name, was in promised.items() if isinstance(promised, dict) else ():
        now = found.get(name) if isinstance(found, dict) else None
        if not isinstance(was, dict) or not isinstance(now, dict):
            continue
        faults += broken_calls(was, now, f"{place}.{name}")
        if name not in ("function", "class", "method"):
            continue
        first, then = ([key for key, kind in each.items() if kind.startswith("positional")] for each in (was, now))
        if then[: len(first)] != first:
            faults.append(f"{place}: arguments were {first}, are {then}")
        needed = [key for key in now if key not in was and " = " not in now[key] and "variadic" not in now[key]]
        if needed:
            faults.append(f"{place}: {needed} must be given now")
    return faults


def as_json(value):
    """What is left of a value in a file."""
    return json.loads(json.dumps(value))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contract")
    RECORD["write_inputs"](folder)
    return folder


@pytest.mark.parametrize("namespace", PROMISED["names"])
def test_public_names_are_called_as_before(namespace):
    for needed in RECORD["NAMESPACES"][namespace]:
        pytest.importorskip(needed)
    promised = PROMISED["names"][namespace]
    found = as_json(RECORD["describe"](namespace, promised))
    assert broken(promised, found) + broken_calls(promised, found) == []


@pytest.mark.parametrize("command", PROMISED["commands"])
def test_commands_are_written_as_before(command):
    found = as_json(RECORD["commands"]())
    promised = PROMISED["commands"][command]
    assert command in found
    assert broken(promised, found[command]) == []
    assert not [name for name, option in found[command].items() if name not in promised and option["required"]]


@pytest.mark.parametrize("command", PROMISED["documents"])
def test_commands_tell_machines_what_they_told(command, folder):
    for word, needed in NEEDS.items():
        if word in command:
            pytest.importorskip(needed)
    assert broken(PROMISED["documents"][command], RECORD["document"](command, folder)) == []


def test_model_files_keep_their_fields(tmp_path):
    assert broken(PROMISED["models"], as_json(RECORD["models"](tmp_path))) == []


def test_every_command_and_every_public_name_is_recorded():
    assert {command.split()[0] for command in RECORD["COMMANDS"]} >= set(RECORD["commands"]())
    assert set(RECORD["COMMANDS"]) == set(PROMISED["documents"])
    assert set(RECORD["public_names"]("mixot")) <= set(PROMISED["names"]["mixot"]), "new: run contract/record.py"


@pytest.mark.parametrize(
    ("now", "fault"),
    [
        ({"p": "positional or keyword", "q": "positional or keyword"}, None),
        ({"p": "positional or keyword", "q": "positional or keyword", "t": "keyword-only = 1"}, None),
        ({"q": "positional or keyword", "p": "positional or keyword"}, "arguments were"),
        ({"p": "positional or keyword", "q": "positional or keyword", "t": "keyword-only"}, "must be given"),
        ({"p": "positional or keyword"}, "gone"),
        ({"p": "positional or keyword = 0", "q": "positional or keyword"}, "was promised"),
    ],
)
def test_a_broken_promise_is_seen(now, fault):
    was = {"f": {"function": {"p": "positional or keyword", "q": "positional or keyword"}}}
    found = {"f": {"function": now}}
    faults = broken(was, found) + broken_calls(was, found)
    assert any(fault in text for text in faults) if fault else faults == []
