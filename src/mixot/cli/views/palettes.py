"""Palettes in a terminal: each color as a patch, where the terminal has colors, its code, and its share as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixot.cli.console import show_facts, written
from mixot.cli.piping import is_piping

if TYPE_CHECKING:
    from mixot.imaging.color import Palette
    from mixot.imaging.swatches import Swatch

_BAR = 40  # blocks that stand for the whole picture
_MOST = 24


def show_palette(title: str, palette: Palette, colors: Sequence[Swatch], output: Path | None) -> None:
    """Print the colors of a palette, the largest shares first."""
    if is_piping():
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold cyan", box=None)
    for name, side in (("", "left"), ("color", "left"), ("share", "right"), ("", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for each in colors[:_MOST]:
        bar = Text("█" * max(1, round(_BAR * each.share)), style=each.hex)
        table.add_row(Text("      ", style=f"on {each.hex}"), each.hex, each.percent, bar)
    console = Console(markup=False, highlight=False)
    console.print(title, style="bold", soft_wrap=True)
    console.print(table)
    if len(colors) > _MOST:
        console.print(f"... and {len(colors) - _MOST} more", style="dim")
    show_facts("", {"space": f"{palette.space}{', grey' if palette.grey else ''}", **written(output)})
