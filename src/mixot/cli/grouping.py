"""Options that several commands share, or that belong together, as one argument of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Body = Callable[..., None]


def grouped(name: str, declared: Mapping[str, tuple[Any, Any]], collect: Callable[..., Any]) -> Callable[[Body], Body]:
    """Decorator of a command: ``declared`` options stand where its parameter ``name`` stands.

    That parameter gets ``collect(json=..., **given)``: what was typed for them, and whether machines read.

    Parameters
    ----------
    name : str
        A parameter of the command.
    declared : mapping of str to (annotation, default)
        The options, in the order in which help lists them.
    collect : callable
        What they come to.
    """
    added = [
        inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for each, (annotation, default) in declared.items()
    ]

    def decorated(command: Body) -> Body:
        @wraps(command)
        def run(**typed: Any) -> None:
            given = {each: typed.pop(each) for each in declared}
            command(**typed, **{name: collect(json=typed["json"], **given)})

        own = inspect.signature(command, eval_str=True)
        listed = [added if each.name == name else [each] for each in own.parameters.values()]
        shown = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in listed for each in part]
        run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined] (typer reads both)
        run.__annotations__ = {each.name: each.annotation for each in shown}
        return run

    return decorated
