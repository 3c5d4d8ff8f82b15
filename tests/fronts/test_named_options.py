"""What a note or an error tells somebody to raise, loosen or give exists where it is told."""

import ast
import dataclasses
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import mixot
from mixot import MomentMatching, MomentSOS, Samples
from mixot.fitting.likelihood.search.candidates import judged, without_options
from mixot.results import Candidate, Status

ROOT = Path(mixot.__file__).parent
# after these words stands an option, not a word of English; and name= is one anywhere
ENGLISH = "the|or|it|those|is|them|and|must|center|left|right"  # the last ones are corners of figures
ADVICE = re.compile(rf"\b(?:raise|loosen|lower|tighten|shorten) (?!(?:{ENGLISH})\b)([a-z]\w*)\b|\b([a-z]\w+)=(?![=>])")
NO_OPTIONS = {
    "xmlns",
    "width",
    "height",
    "fill",
    "cx",
    "cy",
    "viewBox",
    "flush",
    "mode",
}  # of SVG, a script, an address


def texts(tree):
    """Strings of a module that are shown to somebody: not those that document it."""
    bodies = (node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    documents = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def options_of(tree):
    """Parameters and fields that a module declares."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from (each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
        elif isinstance(node, ast.ClassDef):
            yield from (each.target.id for each in node.body if isinstance(each, ast.AnnAssign))


OFFERED = (ROOT / "verbs.py", ROOT / "measures.py")
EVERYWHERE = (ROOT / "fitting" / "likelihood" / "em.py",)  # the fitter that others send people to
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}


# `display` writes markup, whose attributes look like options, and advises nothing.
ROOMS = sorted({path.parent for path in TREES} - {ROOT / "display"})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_options_that_are_named_are_declared_in_their_room_or_by_the_verbs(room):
    verbs = {name for path in (*OFFERED, *EVERYWHERE) for name in options_of(TREES[path])}
    held = verbs.union(*(options_of(tree) for path, tree in TREES.items() if path.parent in (room, ROOT / "transport")))
    for path, tree in TREES.items():
        if path.parent == room and path.name != "__init__.py":
            named = {
                (line, name) for line, text in texts(tree) for found in ADVICE.findall(text) for name in found if name
            }
            assert not {(line, name) for line, name in named if name not in held | NO_OPTIONS}, path


SOLVERS = [
    each
    for each in (getattr(mixot, name) for name in mixot.__all__)
    if inspect.isclass(each) and dataclasses.is_dataclass(each) and (hasattr(each, "solve") or hasattr(each, "fit"))
]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
@pytest.mark.parametrize("status", list(Status))
def test_the_advice_of_a_status_names_what_there_is(solver, status):
    fields = {field.name for field in dataclasses.fields(solver)}
    told = status.advice_for(solver)
    assert set(re.findall(r"(?:raise|loosen) (\w+)", told)) <= fields
    if {"max_iter", "tol"} <= fields:
        assert told.replace(", or", " or") == status.advice.replace(", or", " or")


def test_a_linear_program_that_runs_out_names_its_one_option():
    cost, share = np.random.default_rng(0).random((30, 30)), np.full(30, 1 / 30)
    with pytest.raises(mixot.SolveError, match="stopped at the iteration limit; raise max_iter; gap"):
        mixot.Exact(max_iter=3).solve(cost, share, share)


def test_a_likelihood_that_falls_is_mended_by_what_the_fitter_has():
    fallen = [Candidate(1, -2.0, 4.0), Candidate(2, -2.5, 5.5)]
    assert judged(fallen, 1e4, None)[2][-1].endswith("exist; raise starts")
    assert without_options(judged(fallen, 1e4, None)[2])[-1].endswith("better mixtures of more components exist")
    limit = f"the fit {Status.MAX_ITER.advice}"
    assert without_options([limit, "another"]) == ("the fit stopped at the iteration limit", "another")


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")
@pytest.mark.parametrize("method", [MomentMatching(), MomentSOS(order=2, refine="kmeans")])
def test_fits_to_moments_name_no_option_of_em(method, monkeypatch):
    def falls(tried, tol):
        return [(len(tried) - 1, tried[0].k)] if len(tried) > 1 else []

    monkeypatch.setattr("mixot.fitting.likelihood.search.candidates._falls", falls)
    x = np.random.default_rng(0).normal([[-3.0]] * 100 + [[3.0]] * 100, 1.0)
    notes = mixot.fit(Samples(x), method=method, rng=0).notes
    assert any(note.endswith("components exist; another rng draws other starts") for note in notes)
    assert not any(re.search(r"raise (starts|max_iter)|loosen tol", note) for note in notes)
