"""Small real data that other packages ship: nothing is downloaded."""

from __future__ import annotations

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.io import Table

__all__ = ["PHOTOGRAPHS", "TABLES", "TEXTURES", "photograph", "table", "texture"]

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket")
TABLES = ("iris", "wine")
TEXTURES = ("stones", "grass", "brick", "leaves", "wood", "tissue", "petals", "stars")
# The picture that each is a part of, and its first row, first column and side.
_PARTS = {
    "stones": ("gravel", 0, 0, 256),
    "grass": ("grass", 0, 0, 256),
    "brick": ("brick", 128, 128, 256),
    "leaves": ("china.jpg", 299, 440, 120),
    "wood": ("coffee", 272, 472, 128),
    "tissue": ("immunohistochemistry", 24, 0, 128),
    "petals": ("flower.jpg", 150, 180, 128),
    "stars": ("hubble_deep_field", 300, 300, 256),
}


def photograph(name: str) -> np.ndarray:
    """Return a photograph that scikit-image ships, (h, w, 3) uint8.

    Parameters
    ----------
    name : str
        One of `PHOTOGRAPHS`: astronaut, chelsea (a cat), coffee, hubble_deep_field, retina, rocket

    Raises
    ------
    InputError
        On another name.
    UnsupportedError
        Where scikit-image is not installed: ``pip install "mixot[image]"``.

    Examples
    --------
    >>> photograph("rocket").shape
    (427, 640, 3)
    """
    if name not in PHOTOGRAPHS:
        raise InputError(f"no photograph {name!r}; photographs are {', '.join(PHOTOGRAPHS)}")
    return getattr(require("skimage.data", "image", "photographs"), name)()


def texture(name: str) -> np.ndarray:
    """Return a piece of a picture that scikit-image or scikit-learn ships, much the same all over, uint8.

    Parameters
    ----------
    name : str
        One of `TEXTURES`: stones, grass and brick (a pavement), grey (256, 256); stars (256, 256, 3), leaves (120, 120,
        3), and wood, tissue and petals (128, 128, 3).

    Raises
    ------
    InputError
        On another name.
    UnsupportedError
        Where scikit-image, or for leaves and petals scikit-learn, is not installed.

    Examples
    --------
    >>> texture("wood").shape
    (128, 128, 3)
    """
    if name not in TEXTURES:
        raise InputError(f"no texture {name!r}; textures are {', '.join(TEXTURES)}")
    source, row, column, side = _PARTS[name]
    if source.endswith(".jpg"):
        picture = require("sklearn.datasets", "demo", "this texture").load_sample_image(source)
    else:
        picture = getattr(require("skimage.data", "image", "this texture"), source)()
    return np.array(picture[row : row + side, column : column + side])


def table(name: str, *, group: int | None = None) -> Table:
    """Return a table that scikit-learn ships, or those of its rows that belong to one class.

    Parameters
    ----------
    name : str
        "wine", 13 measurements of 178 wines from three cultivars, or "iris", 4 of 150 flowers of three species.
    group : int, optional
        Class to keep, 0, 1 or 2; all where not given.

    Raises
    ------
    InputError
        On another name or class.
    UnsupportedError
        Where scikit-learn is not installed.

    Examples
    --------
    >>> table("iris", group=0).values.shape
    (50, 4)
    """
    if name not in TABLES:
        raise InputError(f"no table {name!r}; tables are {', '.join(TABLES)}")
    loaded = getattr(require("sklearn.datasets", "demo", "tables"), f"load_{name}")()
    groups = np.unique(loaded.target)
    if group is not None and group not in groups:
        raise InputError(f"the {name} table has the classes {groups.tolist()}, got {group}")
    rows = slice(None) if group is None else loaded.target == group
    return Table(tuple(loaded.feature_names), np.asarray(loaded.data[rows], dtype=np.float64))
