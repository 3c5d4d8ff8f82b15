"""No answer without its note: what lowered, dropped or limited something is said by the result, and printed."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import mixot
from mixot import EM, JointEM, MomentSOS, Samples, fit, fit_pair
from mixot.cli import app
from mixot.fitting.likelihood.labelled import fit_labelled
from mixot.formulas.polynomial.regions import Box

pytestmark = pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")


def normal(n=60, d=2):
    return np.random.default_rng(3).standard_normal((n, d))


def constant():
    return np.column_stack([normal()[:, 0], np.full(60, 2.0)])


def composition():
    free = np.random.default_rng(4).dirichlet([4.0, 5.0, 6.0], 80)
    return free / free.sum(axis=1, keepdims=True)


def tied():
    rng = np.random.default_rng(5)
    return np.concatenate([rng.normal(2.0, 0.5, 100), rng.normal(7.0, 0.5, 60), np.full(60, 4.0)])[:, None]


def tails():
    return np.random.default_rng(1).lognormal(0, 1, 400)[:, None]


def two():
    rng = np.random.default_rng(6)
    return rng.normal(rng.choice([-4, 4], 200), 1.0)[:, None]


# what is fitted, how, words of the note, and the options of ``mixot fit`` that meet the same (None: there are none)
FITS = {
    "iterations run out": (tails, {"k": 3, "method": EM(max_iter=2)}, "the fit stopped at the iteration limit", None),
    "a constant column": (constant, {"k": 1}, "constant columns: ", "-k 1"),
    "columns that are sums": (composition, {"k": 1}, "the rows vary in 2 of 3 directions only", "-k 1"),
    "too few rows for k": (lambda: normal(8, 3), {"k": 4}, "the rows do not determine the mixture of 4", "-k 4"),
    "a candidate left out": (tied, {"method": EM(k_max=6)}, "left out, because", "--k-max 6"),
    "k at its limit": (two, {"method": EM(k_max=2)}, "K = 2 is the largest number that was tried", "--k-max 2"),
    "an order lowered": (tails, {"method": MomentSOS()}, "too few samples for order 5", "--method moments"),
    "moments that do not answer": (
        lambda: np.random.default_rng(1).standard_cauchy(400)[:, None],
        {"method": MomentSOS(k_max=4)},
        "too few samples for order",
        "--method moments --k-max 4",
    ),
    "a projection": (
        lambda: normal(150, 4),
        {"k": 1, "method": MomentSOS(order=2)},
        "projected to 2 principal components",
        "--method moments --order 2 -k 1",
    ),
    "a start that is no solution": (two, {"method": MomentSOS(order=3, refine=None)}, "not solved", None),
    "a region that is left": (
        two,
        {"k": 2, "method": MomentSOS(order=3, support=Box([-3.5, 0.01], [3.5, 9.0]))},
        "kept within the given support",
        None,
    ),
}


@pytest.mark.parametrize("what", FITS)
def test_fits_say_it(what):
    make, options, words, _ = FITS[what]
    assert any(words in note for note in fit(make(), rng=0, **options).notes)


@pytest.mark.parametrize("what", [name for name, case in FITS.items() if case[3] is not None])
def test_the_command_prints_it(what, tmp_path, monkeypatch):
    make, _, words, options = FITS[what]
    monkeypatch.chdir(tmp_path)
    rows = make()
    names = ",".join(f"c{j}" for j in range(rows.shape[1]))
    np.savetxt("rows.csv", rows, fmt="%.17g", delimiter=",", header=names, comments="")
    call = f"fit rows.csv -o model.json --json {options}".split()
    result = CliRunner().invoke(app, call, prog_name="mixot")
    assert result.exit_code == 0, result.output
    assert words in " ".join(result.stderr.split())
    assert any(words in note for note in json.loads(result.stdout)["fit"]["notes"])


def test_labels_say_what_they_left_out():
    x = normal(30)
    found = fit_labelled(x, np.r_[np.zeros(15, int), -np.ones(5, int), [1], np.full(9, 2)], "abc")
    assert any("5 of 30 points have no label" in note for note in found.notes)
    assert any("labels with one point" in note and "b" in note for note in found.notes)


def test_joint_fits_say_what_limited_them():
    x = two()
    found = fit_pair(x, x + 1.0, lam=1e3, rng=0, method=JointEM(em=EM(k_max=2), max_iter=1))
    assert any("the joint fit stopped at the iteration limit" in note for note in found.notes)
    assert any(note.startswith("y: K = 2 is the largest number") for note in found.notes)


def test_the_commands_of_two_tables_print_notes_and_read_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values, counts = np.unique(np.round(two()[:, 0]), return_counts=True)
    np.savetxt("a.csv", np.column_stack([values, counts]), delimiter=",", header="x,seen", comments="")
    np.savetxt("b.csv", np.column_stack([counts, values + 1]), delimiter=",", header="seen,x", comments="")

    def told(words):
        result = CliRunner().invoke(app, [*words.split(), "--json"], prog_name="mixot")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout), " ".join(result.stderr.split())

    joint, _ = told("joint a.csv b.csv -k 2 --lam 1e3 --counts seen -o pair")
    expected = fit_pair(Samples(values, counts=counts), Samples(values + 1, counts=counts), k=2, lam=1e3, rng=0)
    assert joint["distance"] == pytest.approx(expected.distance, rel=1e-6)
    assert joint["notes"] == list(expected.notes)
    assert mixot.load("pair/target.json").columns == ("x",)
    chosen, said = told("components a.csv b.csv --k-max 2 --splits 2 --counts seen -o choice")
    assert (chosen["k"], chosen["l"]) == (2, 2)
    assert all(f"note: {path}" in said for path in ("a.csv", "b.csv") if chosen["source"]["fit"]["notes"])
    call = "joint a.csv b.csv -k 1 --lam 1 --counts none -o p"
    result = CliRunner().invoke(app, call.split(), prog_name="mixot")
    assert result.exit_code != 0
    assert "no column 'none' beside the data" in " ".join(result.output.split())


COMMANDS = {
    "fit": "fit years.csv -k 2 -o m.json",
    "distance": "distance years.csv more.csv -k 1",
    "exact distance": "distance years.csv more.csv --exact",
    "plan": "plan years.csv more.csv -k 1",
    "smooth plan": "plan years.csv more.csv -k 1 --lam auto",
    "exact plan": "plan years.csv more.csv --exact",
    "map": "map years.csv more.csv -k 1 -o moved.csv",
    "geodesic": "geodesic years.csv more.csv -k 1 --steps 2 -o path",
    "barycenter": "barycenter years.csv more.csv -k 1 -o mean.json",
    "joint": "joint years.csv more.csv -k 1 --lam 1 -o pair",
    "components": "components years.csv more.csv --k-max 1 --splits 2 -o choice",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_document_of_every_command_repeats_all_that_was_noted(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("years", "more"):  # a first row of years may be a header, and a constant column limits a fit
        rows = "\n".join(f"{x:.17g},2" for x in normal(30)[:, 0])
        (tmp_path / f"{name}.csv").write_text(f"2019,2020\n{rows}\n")
    result = CliRunner().invoke(app, [*COMMANDS[command].split(), "--json"], prog_name="mixot")
    assert result.exit_code == 0, result.output
    told = [line.removeprefix("note: ") for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert any("the first row is numbers (2019, 2020)" in note for note in told)
    assert json.loads(result.stdout)["notes"] == told


def test_warnings_of_verbs_are_notes_of_the_command_and_those_of_one_command_only(capsys):
    import warnings

    import typer

    from mixot.cli.console import Commands, emit

    inner = typer.Typer(cls=Commands)

    @inner.command("warn")
    def warn():
        for _ in range(2):
            warnings.warn("less than promised", mixot.AccuracyWarning, stacklevel=1)
        emit({})

    @inner.command("still")
    def still():
        emit({"notes": []})

    first, second = (CliRunner().invoke(inner, [word]) for word in ("warn", "still"))
    assert json.loads(first.stdout) == {"notes": ["less than promised"]}
    assert first.stderr == "note: less than promised\n"
    assert json.loads(second.stdout) == {"notes": []}
