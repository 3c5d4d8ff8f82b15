"""Build the documentation into docs/_build: pages, a gallery whose figures are drawn here and now, and the reference.

``python docs/build.py`` needs the extra ``docs``. Every script in docs/gallery has a ``main() -> Figure``; it is run,
and an error in it fails the build. Its docstring is the text of its page: the first line the title, below an underline.
A warning fails the build, too, and so does a link that leads nowhere or a public name without an entry.
"""

import html
import re
import runpy
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import links
import matplotlib as mpl
import matplotlib.pyplot as plt
import reference
from architecture import draw
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

HERE = Path(__file__).parent
BUILD = HERE / "_build"
GALLERY = HERE / "gallery"
PAGES = [
    HERE / "index.md",
    HERE / "mathematics.md",
    HERE / "families.md",
    HERE / "fits.md",
    HERE / "missing.md",
    HERE / "covariance-models.md",
    HERE / "clusters.md",
    HERE / "certify.md",
    HERE / "tests.md",
    HERE / "closest-mixture.md",
    HERE / "optimal-mixture-transport.md",
    HERE / "training.md",
    HERE / "single-cell.md",
    HERE / "recoloring.md",
    HERE / "textures.md",
    HERE / "cvxpy.md",
    HERE / "palettes.md",
    HERE / "film.md",
    HERE / "files.md",
    HERE / "migrating.md",
    HERE / "expectations.md",
    HERE / "performance.md",
    HERE / "architecture.md",
    HERE.parent / "CONTRIBUTING.md",
    HERE.parent / "CHANGELOG.md",
]

# The gallery's chapters, in order; a script that is named in none stands in the last.
CHAPTERS = {
    "Distances and plans": ["plan", "plan_on_the_line", "bounds"],
    "Paths": ["geodesic_1d", "geodesic_2d"],
    "Averages": ["barycenter_1d", "barycenter_2d", "few_components", "four_corners", "palettes", "shapes"],
    "Optimal mixture transport": [
        "omt_uniqueness",
        "omt_rotation",
        "omt_noise",
        "omt_lam",
        "omt_cost",
        "omt_digits",
        "choose_components",
    ],
    "Points and densities": ["stippling", "training", "coming_from_sdot"],
    "Pictures": ["recoloring", "textures"],
    "Data": ["point_clouds", "joint_fit", "wasserstein_fit", "closest_mixture", "certificate", "cell_types"],
}

STYLE = """
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.55 system-ui, sans-serif; color: #222 }
pre { background: #f6f6f4; padding: .8rem; overflow-x: auto; font-size: .88rem } img { max-width: 100% }
table { border-collapse: collapse } td, th { border-bottom: 1px solid #ccc; padding: .25rem .8rem; text-align: left }
body:has(.cards), body:has(.code) { max-width: 60rem } .code pre { font-size: .8rem; line-height: 1.45 }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1rem }
.cards a { border: 1px solid #ddd; border-radius: .4rem; padding: .7rem; color: inherit; text-decoration: none }
.cards a:hover { border-color: #0072b2 } .cards img { width: 100%; height: 10.5rem; object-fit: contain }
"""
RELEASES_BEGIN = "<!-- towncrier release notes start -->"
MARKDOWN = MarkdownIt().enable("table")
MARKDOWN.add_render_rule("heading_open", lambda _, *where: heading(*where))
CODE = HtmlFormatter(style="friendly", cssclass="code", wrapcode=True)


def page(title: str, body: str) -> str:
    """A page of HTML around ``body``."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{CODE.get_style_defs('.code')}{STYLE}</style>"
        f"<p><a href=index.html>mixot</a> &middot; <a href=gallery.html>gallery</a></p>{body}</html>\n"
    )


def heading(tokens: Sequence[Token], at: int, *_: object) -> str:
    """The start of a heading that can be linked, by the name that GitHub gives it: its words, lower case, hyphens."""
    words = re.sub(r"[^\w\s-]", "", tokens[at + 1].content.lower())
    return f'<{tokens[at].tag} id="{"-".join(words.split())}">'


def write_pages() -> None:
    """Render the Markdown pages; links from one to another follow, whatever folder they stand in."""
    draw(BUILD / "rooms.svg")
    for source in PAGES:
        text = source.read_text(encoding="utf-8")
        if source.name == "CHANGELOG.md":
            text = text.replace(RELEASES_BEGIN, unreleased())
        linked = re.sub(r"\]\((?:\.\./|docs/)?([\w-]+)\.(md|html)(#[\w-]+)?\)", r"](\1.html\3)", text)
        (BUILD / f"{source.stem}.html").write_text(page(source.stem, MARKDOWN.render(linked)), encoding="utf-8")


def unreleased() -> str:
    """The changes since the last release, joined from the fragments in ``changes``."""
    words = ["build", "--draft", "--version", "Next", "--date", "not yet released"]
    told = subprocess.run(
        [sys.executable, "-m", "towncrier", *words], cwd=HERE.parent, capture_output=True, text=True, check=True
    )
    return told.stdout[told.stdout.index("## ") :]


def write_gallery() -> None:
    """Run every gallery script, save its figure and a page that shows both, and an index of thumbnails."""
    mpl.use("Agg")
    cards = {script.stem.removeprefix("plot_"): write_script(script) for script in sorted(GALLERY.glob("plot_*.py"))}
    others = set(cards).difference(*CHAPTERS.values())
    last = list(CHAPTERS)[-1]
    body = "<h1>Gallery</h1>"
    for chapter, names in {**CHAPTERS, last: [*CHAPTERS[last], *sorted(others)]}.items():
        body += f"<h2>{chapter}</h2><div class=cards>{''.join(cards[name] for name in names)}</div>"
    (BUILD / "gallery.html").write_text(page("Gallery", body), encoding="utf-8")


def write_script(script: Path) -> str:
    """Run one script, write its figure and its page, and return its card for the index."""
    scope = runpy.run_path(str(script))
    figure = scope["main"]()
    figure.savefig(BUILD / f"{script.stem}.png", dpi=150)
    figure.savefig(BUILD / f"{script.stem}-small.png", dpi=600 / max(figure.get_size_inches()))
    plt.close(figure)
    title, _, text = scope["__doc__"].strip().partition("\n")
    text = text.lstrip("=\n ")
    code = script.read_text(encoding="utf-8").split('"""', 2)[2].lstrip()
    shutil.copy(script, BUILD)
    body = (
        f"<h1>{html.escape(title)}</h1>{MARKDOWN.render(text.replace('``', '`'))}"
        f"<a href={script.stem}.png><img src={script.stem}.png alt='the figure that the script below draws'></a>"
        f"{highlight(code, PythonLexer(), CODE)}<p><a href={script.name} download>{script.name}</a></p>"
    )
    (BUILD / f"{script.stem}.html").write_text(page(title, body), encoding="utf-8")
    return f"<a href={script.stem}.html><img src={script.stem}-small.png alt=''><br>{html.escape(title)}</a>"


def faults() -> list[str]:
    """One line for each link, name in a page or public name that leads nowhere."""
    texts = {source.name: source.read_text(encoding="utf-8") for source in [*PAGES, HERE.parent / "README.md"]}
    names = [f"{page}: `{name}` is the name of nothing" for page in texts for name in reference.lost(texts[page])]
    return links.broken(BUILD) + names + reference.faults()


def main() -> int:
    """Build everything from nothing; 1 where something in it leads nowhere."""
    warnings.simplefilter("error")
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir()
    write_pages()
    write_gallery()
    reference.write(BUILD / "reference")
    found = faults()
    print(*found, f"built {BUILD / 'index.html'}", sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
