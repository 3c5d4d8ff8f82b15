"""What is written where there is no value."""

from __future__ import annotations

import re

_MISSING = {"", "na", "n/a", "nan", "-nan", "null", "none", "?", "-"}
_MISSING |= {"<na>", "#n/a", "#na", "--", ".", "\\n"}  # of pandas, spreadsheets, SAS and Stata, databases
# What spreadsheets write for a formula that failed; only the first two say that a value is missing.
_FAILED = re.compile(r"#(?:n/?a|div/0!|value!|ref!|name\?|num!|null!)", re.IGNORECASE)


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is nothing, in text and wherever else texts stand for values."""
    return cell.strip().lower() in _MISSING


def begins_with_failure(line: str, delimiter: str | None) -> bool:
    """Whether the first cell of a line is such as #N/A or #DIV/0!, so that it is a row and no comment.

    Examples
    --------
    >>> [begins_with_failure(line, ",") for line in ("#N/A,1.5", "#DIV/0!", "# N/A, perhaps", "#Name,age")]
    [True, True, False, False]
    """
    return _FAILED.fullmatch(line.split(delimiter, 1)[0].strip()) is not None
