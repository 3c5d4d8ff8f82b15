"""Optional packages: imported on use, and where one is missing the error says which extra brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mixot.errors import UnsupportedError


def require(module: str, extra: str, purpose: str) -> Any:
    """Return the module called ``module``, or say that ``purpose`` needs the extra ``extra``.

    Raises
    ------
    UnsupportedError
        Where the package is not installed; the message is the command that installs it.

    Examples
    --------
    >>> require("math", "table", "arithmetic").sqrt(4.0)
    2.0
    """
    try:
        return import_module(module)
    except ImportError as missing:
        raise UnsupportedError(
            f'{purpose} needs the package "{missing.name or module}", which is not installed: '
            f'pip install "mixot[{extra}]"'
        ) from missing
