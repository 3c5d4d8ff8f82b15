"""The house of the command line: one command a file, thin bodies, nothing heavy before a command runs."""

import ast
from pathlib import Path

import pytest

import mixot.cli
from mixot.cli import app

FOLDER = Path(mixot.cli.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
MOST = 40  # lines of a body, its signature and docstring not counted
HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "anndata"}


def functions(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def body_lines(function):
    rest = function.body[ast.get_docstring(function) is not None :]
    return rest[-1].end_lineno - rest[0].lineno + 1 if rest else 0


def test_each_command_has_a_file_of_its_name():
    names = {command.name for command in app.registered_commands}
    assert names == {
        "fit", "distance", "distances", "plan", "geodesic", "barycenter", "joint", "components", "test", "certify",
        "map", "recolor", "quantize", "palette", "populations", "shapes", "texture",
    }  # fmt: skip
    for command in app.registered_commands:
        assert command.callback.__module__ == f"mixot.cli.{command.name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_bodies_are_short(file):
    long = {function.name: body_lines(function) for function in functions(file) if body_lines(function) > MOST}
    assert not long


def test_commands_read_call_a_verb_and_show():
    """A command's own body; `plan` takes twenty options, and its body is not longer for that."""
    lines = {
        function.name: body_lines(function)
        for command in app.registered_commands
        for function in functions(FOLDER / f"{command.name}.py")
        if function.name == command.callback.__name__
    }
    assert len(lines) == len(app.registered_commands)
    assert max(lines.values()) <= 36
    assert lines["plan"] <= 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_modules_are_imported_by_their_own_names(file):
    """``from mixot import io`` reads as an import of the front door, which stands above all of them."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    taken = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "mixot"
        for alias in node.names
    ]
    assert set(taken) <= {"__version__"}


@pytest.mark.parametrize(
    "name", ["__init__", "arguments", "console", *(command.name for command in app.registered_commands)]
)
def test_what_help_imports_is_light(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name.split(".")[0] for node in at_once if isinstance(node, ast.Import) for alias in node.names}
    modules = {node.module for node in at_once if isinstance(node, ast.ImportFrom)}
    assert not names & HEAVY
    own = {module for module in modules if module.startswith("mixot.") and not module.startswith("mixot.cli")}
    assert own <= {"mixot.errors", "mixot._interrupts"}
