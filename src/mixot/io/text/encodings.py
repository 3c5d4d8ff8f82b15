"""Which letters the bytes of a text stand for."""

from __future__ import annotations

import re

from mixot.errors import InputError
from mixot.io.contents import Content

UTF_8 = "utf-8-sig"
_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")  # no text has these
_LOOK = 1 << 12


def encoding_of(content: Content) -> tuple[str, tuple[str, ...]]:
    """The encoding that a byte order mark tells, or zeros beside each letter; else UTF-8. And what is to be said."""
    start = content.start(_LOOK)
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name, ()
    pairs = start[: len(start) // 2 * 2]
    for name, zeros, letters in (("utf-16-le", pairs[1::2], pairs[::2]), ("utf-16-be", pairs[::2], pairs[1::2])):
        if len(zeros) > 1 and not zeros.strip(b"\0") and not _CONTROL.search(letters):
            return name, (f"there is no byte order mark, and the text is read as {name.upper()}",)
    return UTF_8, ()


def other_than_utf_8(content: Content) -> tuple[str, tuple[str, ...]]:
    """The encoding of a text that is not in UTF-8, with a note: Windows-1252, which holds Latin-1.

    Raises
    ------
    InputError
        Where the bytes are no text in that, either.
    """
    refused = InputError(f"{content}: not a text file in UTF-8; export the table again as CSV (UTF-8)")
    if encoding_of(content)[0] != UTF_8 or _CONTROL.search(content.data):
        raise refused
    try:
        text = content.data.decode("cp1252")
    except UnicodeDecodeError:
        raise refused from None
    odd = next(letter for letter in text if ord(letter) > 127)
    return "cp1252", (
        f"the text is not in UTF-8 and is read as Windows-1252 (cp1252, Latin-1), the first other letter as {odd!r}; "
        "if names come out wrong, export the table as UTF-8",
    )
