"""What makes a class a solver, and which of them solve what.

A solver is a frozen dataclass whose fields are its options, with one method, ``solve``. What it solves is its `Task`;
a class that does not say is judged by the arguments of its method, so that one's own needs nothing but ``solve``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.results import Plan


class Task(StrEnum):
    """What a solver solves; a class says it as ``task: ClassVar[Task]``."""

    COUPLING = "coupling"  # solve(cost, a, b): of finitely many atoms with as many
    MARGINALS = "marginals"  # solve(cost, reward_p, reward_q): a coupling whose marginals are free
    CELLS = "cells"  # solve(points, density): of points with a density
    TUPLES = "tuples"  # solve(pairs, marginals, true_costs): of several lists of atoms
    CONIC = "conic program"  # solve(program): of a semidefinite program

    @property
    def arguments(self) -> int:
        """How many arguments ``solve`` takes."""
        return {Task.CELLS: 2, Task.CONIC: 1}.get(self, 3)


@runtime_checkable
class Solver(Protocol):
    """A way to couple finitely many atoms: `Exact`, `OMT`, or any object with this method."""

    def solve(self, cost: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"], /) -> Plan:
        """Return a coupling of the weights a and b that is cheap under ``cost``, feasible whatever happens."""
        ...


def choose_solver(given: Any, task: Task, solvers: tuple[type[Any], ...], what: str = "these two measures are") -> Any:
    """Return the solver that was asked for, or the first of ``solvers`` with its defaults where none was.

    Parameters
    ----------
    given : object
        What the user passed as ``solver=``.
    task : Task
        What is to be solved.
    solvers : tuple of classes
        Those that the message names, the default first.
    what : str
        Is solved by them.

    Raises
    ------
    InputError
        Where it is no solver, one for another task, or a class in place of an instance.

    Examples
    --------
    >>> from mixot import Exact
    >>> choose_solver(None, Task.COUPLING, (Exact,))
    Exact(max_iter=10000000)
    >>> choose_solver("exact", Task.COUPLING, (Exact,))
    Traceback (most recent call last):
    mixot.errors.InputError: these two measures are solved by Exact(...), got 'exact'
    """
    if given is None:
        return solvers[0]()
    if isinstance(given, solvers) or solves(given, task):
        return given
    raise wrong_solver(given, tuple(solver.__name__ for solver in solvers), what)


def solves(given: Any, task: Task) -> bool:
    """Whether an object is a solver of this task: not a class, of no other task, and ``solve`` takes its arguments."""
    solve = getattr(given, "solve", None)
    if isinstance(given, type) or not callable(solve) or getattr(given, "task", task) is not task:
        return False
    return _takes(solve, task.arguments)


def wrong_solver(given: Any, names: tuple[str, ...], what: str) -> InputError:
    """The error that names the solvers that fit, and what came in their place."""
    return InputError(f"{what} solved by {' or '.join(f'{name}(...)' for name in names)}, got {_described(given)}")


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # compiled, without a signature: calling it will tell
        return True
    return True


def _described(given: Any) -> str:
    """What came, so that its owner knows it again: a class lacks its parentheses, an object is told by its class."""
    if isinstance(given, type):
        return f"the class {given.__name__}; write {given.__name__}(...), with its options"
    return repr(given) if isinstance(given, str | int | float) else f"{type(given).__name__}(...)"
