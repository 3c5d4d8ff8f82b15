"""Build the documentation into docs/_build: pages, a gallery whose figures are drawn here and now, and the reference.

``python docs/build.py`` needs the extra ``docs``. Every script in docs/gallery has a ``main() -> Figure``; it is run,
and an error in it fails the build.
"""

import html
import runpy
import shutil
import sys
from pathlib import Path

import matplotlib as mpl
from markdown_it import MarkdownIt

HERE = Path(__file__).parent
BUILD = HERE / "_build"
PAGES = [
    HERE / "index.md",
    HERE / "mathematics.md",
    HERE / "closest-mixture.md",
    HERE / "performance.md",
    HERE.parent / "CHANGELOG.md",
]
REFERENCE = ["mixot", "mixot.families.base", "mixot.fitting.base", "mixot.results", "mixot.formulas"]

STYLE = """
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.55 system-ui, sans-serif; color: #222 }
pre { background: #f6f6f4; padding: .8rem; overflow-x: auto; font-size: .88rem } img { max-width: 100% }
table { border-collapse: collapse } td, th { border-bottom: 1px solid #ccc; padding: .25rem .8rem; text-align: left }
"""


def page(title: str, body: str) -> str:
    """A page of HTML around ``body``."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<p><a href=index.html>mixot</a></p>{body}</html>\n"
    )


def write_pages() -> None:
    """Render the Markdown pages; links from one to another follow."""
    markdown = MarkdownIt().enable("table")
    for source in PAGES:
        text = source.read_text(encoding="utf-8").replace("../CHANGELOG.md", "CHANGELOG.md").replace(".md)", ".html)")
        (BUILD / f"{source.stem}.html").write_text(page(source.stem, markdown.render(text)), encoding="utf-8")


def write_gallery() -> None:
    """Run every gallery script, save its figure and a page that shows both."""
    mpl.use("Agg")
    links = []
    for script in sorted((HERE / "gallery").glob("plot_*.py")):
        scope = runpy.run_path(str(script))
        figure = scope["main"]()
        figure.savefig(BUILD / f"{script.stem}.png", dpi=150)
        title, _, text = scope["__doc__"].strip().partition("\n")
        text = text.lstrip("=\n ")
        code = script.read_text(encoding="utf-8").split('"""', 2)[2].lstrip()
        body = (
            f"<h1>{html.escape(title)}</h1>{MarkdownIt().render(text.replace('``', '`'))}<img src={script.stem}.png>"
            f"<pre>{html.escape(code)}</pre>"
        )
        (BUILD / f"{script.stem}.html").write_text(page(title, body), encoding="utf-8")
        links.append(f"<li><a href={script.stem}.html>{html.escape(title)}</a>")
    (BUILD / "gallery.html").write_text(page("Gallery", f"<h1>Gallery</h1><ul>{''.join(links)}</ul>"), encoding="utf-8")


def write_reference() -> None:
    """Write the reference from the docstrings."""
    import pdoc.render

    pdoc.render.configure(docformat="numpy", footer_text="mixot")
    pdoc.pdoc(*REFERENCE, output_directory=BUILD / "reference")


def main() -> None:
    """Build everything from nothing."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir()
    write_pages()
    write_gallery()
    write_reference()
    print(f"built {BUILD / 'index.html'}")


if __name__ == "__main__":
    sys.exit(main())
