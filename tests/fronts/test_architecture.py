"""The page for maintainers: its drawing is made from the imports, and its tables name what there is."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def drawing(monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.syspath_prepend(DOCS)
    return runpy.run_path(str(DOCS / "architecture.py"))


def test_every_room_is_drawn(drawing, tmp_path):
    drawing["draw"](tmp_path / "rooms.svg")
    text = (tmp_path / "rooms.svg").read_text(encoding="utf-8")
    names = {name for row in drawing["layers"]() for name in row} - {"__main__", "_native"}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", text)] == []
    assert "semidiscrete" in text
    assert len(drawing["rooms"]()[1]["cli"]) < 4  # those that do not follow from others


def test_arrows_that_follow_from_others_are_left_out(drawing):
    found = {"top": {"middle", "low"}, "middle": {"low"}, "low": set(), "aside": {"low"}}
    assert {name: drawing["direct"](name, found) for name in found} == {
        "top": {"middle"},
        "middle": {"low"},
        "low": set(),
        "aside": {"low"},
    }


def test_an_arrow_past_a_row_bends_there_and_rows_are_put_in_order(drawing):
    rows, pieces = drawing["with_bends"]([["a", "b"], ["c"], ["d", "e"]], {"a": {"e"}, "b": {"c"}})
    (bend,) = [node for node in rows[1] if not isinstance(node, str)]
    assert (bend.source, bend.target, bend.row) == ("a", "e", 1)
    assert ("a", bend) in pieces
    assert (bend, "e") in pieces
    order = drawing["in_order"](rows, [*pieces, ("c", "d")])
    x = drawing["positions"](order, pieces)
    left_to_right = [(x["a"] < x["b"]), (x["e"] < x["d"])]
    assert left_to_right in ([True, True], [False, False])  # nothing crosses
    assert abs(x["a"] - x["b"]) >= drawing["WIDTH"]


def test_nothing_stands_over_another(drawing):
    places = drawing["apart"]([0.0, 0.0, 5.0], [1.0, 1.0, 1.0])
    assert places[1] - places[0] >= 2 + drawing["GAP"] - 1e-12
    assert places[2] - places[1] >= 2 + drawing["GAP"] - 1e-12


def test_the_page_tells_every_room():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    told = page[page.index("| room |") : page.index("**Arrows point down.**")]
    rooms = {path.name.split(".")[0] for path in (ROOT / "src" / "mixot").iterdir() if path.suffix in ("", ".py")}
    rooms -= {"__init__", "__main__", "__pycache__"}
    assert [room for room in sorted(rooms) if f"`{room}`" not in told] == []
    inner = {path.parent.name for path in (ROOT / "src" / "mixot").glob("*/*/__init__.py")} - {"views"}
    native = {path.name for path in (ROOT / "native").iterdir() if path.is_dir()}
    assert [room for room in sorted(inner | native) if f"`{room}`" not in told] == []
