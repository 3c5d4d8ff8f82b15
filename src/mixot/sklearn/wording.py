"""What the library says of a fit, in the words of scikit-learn's parameters."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mixot.errors import AccuracyWarning, InputError, MixotError


def in_words(text: str, names: Mapping[str, str]) -> str:
    """Return ``text`` with the library's options called as the estimator calls them.

    Examples
    --------
    >>> in_words("the choice is the largest; raise k_max", {"k_max": "max_components"})
    'the choice is the largest; raise max_components'
    """
    for ours, theirs in names.items():
        text = re.sub(rf"(?<![\w.]){re.escape(ours)}(?!\w)", theirs, text)
    return text


@contextmanager
def told(names: Mapping[str, str]) -> Iterator[Callable[[str], str]]:
    """Warnings and errors of the library inside come out in the words of the estimator, at the caller's line."""

    def words(text: str) -> str:
        return in_words(text, names)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield words
        except InputError as wrong:
            raise InputError(words(str(wrong))) from wrong
        except MixotError as wrong:
            wrong.args = (words(str(wrong)), *wrong.args[1:])
            raise
    for each in caught:
        if issubclass(each.category, AccuracyWarning):
            warnings.warn(words(str(each.message)), AccuracyWarning, stacklevel=4)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
