"""Check the links of built pages: each leads to a file and a place that are there.

``python docs/links.py FOLDER`` lists those that do not. Of addresses elsewhere only the form is checked.
"""

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src"}
ADDRESS = re.compile(r"https?://[\w-]+(\.[\w-]+)+(:\d+)?([/?#]\S*)?")


@dataclass
class Page:
    """What a page links to, with the lines, and the places in it that can be linked."""

    links: list[tuple[int, str]] = field(default_factory=list)
    places: set[str] = field(default_factory=set)


class Reader(HTMLParser):
    """Reads one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.page = Page()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the places of a tag."""
        given = dict(attrs)
        self.page.places |= {value for name in ("id", "name") if (value := given.get(name))}
        url = given.get(LINKS.get(tag, ""))
        if url is not None:
            self.page.links.append((self.getpos()[0], url))


def read(folder: Path) -> dict[Path, Page]:
    """The pages of a folder, those below it included."""
    return {path: Reader(path.read_text(encoding="utf-8")).page for path in sorted(folder.resolve().rglob("*.html"))}


def broken(folder: Path) -> list[str]:
    """One line for each link that leads nowhere: where it stands, and what it says."""
    pages = read(folder)
    return [
        f"{path.relative_to(folder.resolve())}:{line}: {url!r} {fault}"
        for path, page in pages.items()
        for line, url in page.links
        if (fault := fault_of(url, path, folder.resolve(), pages))
    ]


def fault_of(url: str, path: Path, folder: Path, pages: dict[Path, Page]) -> str | None:
    """What is wrong with a link on the page ``path``; None where it leads somewhere."""
    parts = urlsplit(url)
    if parts.scheme in ("data", "mailto"):
        return None
    if parts.scheme or parts.netloc:
        return None if ADDRESS.fullmatch(url) else "is no address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(folder):
        return "leads out of the pages"
    if not target.is_file():
        return "leads to no file"
    place = unquote(parts.fragment)
    return "leads to no place on that page" if place and target in pages and place not in pages[target].places else None


if __name__ == "__main__":
    lost = broken(Path(sys.argv[1]))
    print("\n".join(lost) or "every link leads somewhere")
    sys.exit(bool(lost))
