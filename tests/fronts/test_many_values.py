"""Options that take all the values that follow, as people type them."""

import pytest
import typer

from mixot.cli.console import ManyFiles, ManyNumbers, ManyPalettes


def command(kind):
    app = typer.Typer()

    @app.command(cls=kind)
    def run(
        photo: str,
        palette: list[str] = typer.Option([], "--palette"),
        weights: list[str] = typer.Option([], "--weights"),
        against: list[str] = typer.Option([], "--against"),
        output: str = typer.Option("", "-o", "--output"),
        json: bool = typer.Option(False, "--json"),
    ) -> None:
        pass

    return typer.main.get_command(app)


def parsed(kind, line):
    with command(kind).make_context("run", line.split()) as context:
        return context.params


@pytest.mark.parametrize(
    "line",
    [
        "photo.png --palette a.jpg b.jpg c.jpg --weights .2 .3 .5 -o out.png --json",
        "photo.png --palette a.jpg --palette b.jpg c.jpg --weights .2,.3 --weights .5 -o out.png --json",
        "--palette a.jpg b.jpg c.jpg --json photo.png --weights .2 .3 .5 -o out.png",
        "-o out.png --palette a.jpg b.jpg c.jpg --json --weights .2 .3 .5 photo.png",
        "--json -o out.png --palette a.jpg b.jpg c.jpg photo.png --weights .2 .3 .5",
        "--palette a.jpg b.jpg c.jpg --weights .2 .3 .5 --output out.png --json -- photo.png",
    ],
)
def test_palettes_and_their_weights(line):
    found = parsed(ManyPalettes, line)
    assert found["photo"] == "photo.png"
    assert list(found["palette"]) == ["a.jpg", "b.jpg", "c.jpg"]
    assert [float(part) for word in found["weights"] for part in word.split(",")] == [0.2, 0.3, 0.5]
    assert (found["output"], found["json"]) == ("out.png", True)


def test_one_palette_before_the_photo():
    found = parsed(ManyPalettes, "--palette sunset.jpg photo.png -o out.png")
    assert (found["photo"], list(found["palette"])) == ("photo.png", ["sunset.jpg"])


def test_a_photo_from_standard_input():
    found = parsed(ManyPalettes, "- --palette a.jpg b.jpg -o -")
    assert (found["photo"], list(found["palette"]), found["output"]) == ("-", ["a.jpg", "b.jpg"], "-")


def test_without_a_photo_it_is_asked_for():
    with pytest.raises(Exception, match="photo"):
        parsed(ManyPalettes, "--palette sunset.jpg -o out.png")


def test_numbers_end_where_files_begin():
    found = parsed(ManyNumbers, "--weights .2 .8 photo.png -o out.png")
    assert (found["photo"], list(found["weights"])) == ("photo.png", [".2", ".8"])
    assert list(parsed(ManyFiles, "photo.png --against a.csv b.csv --json")["against"]) == ["a.csv", "b.csv"]
