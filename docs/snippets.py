"""Write the Python of the pages into files, one for each page, so that a type checker can read it.

``python docs/snippets.py FOLDER`` writes ``FOLDER/README.py`` and so on; a line stands where it stands in its page.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The others read the last value of a loop, or pass options on as a dictionary, which checkers cannot follow.
PAGES = ["README.md", "docs/families.md", "docs/files.md", "docs/optimal-mixture-transport.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def python_of(text: str) -> str:
    """The blocks of Python of a page, each on its own lines, and nothing on the others."""
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines).rstrip() + "\n"


def main(folder: Path) -> None:
    """Write a file for each page, and remove those of pages that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for page in PAGES:
        code = python_of((ROOT / page).read_text(encoding="utf-8"))
        (folder / f"{Path(page).stem.replace('-', '_')}.py").write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
