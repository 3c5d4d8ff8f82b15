"""The fourteen models of the covariances of a Gaussian mixture: which volumes, shapes and orientations are shared.

``cov_j = volume_j D_j A_j D_j'``, where A is diagonal of determinant one and D orthogonal. A name of three letters says
of volume, shape and orientation whether they are equal or variable; I stands for the identity: "VEI" has ellipsoids of
unlike volumes, one shape and the axes of the coordinates.

References
----------
Banfield and Raftery, Biometrics 49 (1993). Celeux and Govaert, Pattern Recognition 28 (1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot.errors import InputError

MODELS = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")
IN_WORDS = {"full": "VVV", "diagonal": "VVI", "spherical": "VII", "tied": "EEE"}
ON_THE_LINE = {"E": "EII", "V": "VII"}  # what is left of them in one dimension
_STORED = {model: word for word, model in IN_WORDS.items()}


def structure_of_em(family: str, structure: str, d: int) -> str:
    """The name that `CovarianceModel.of` takes, of a structure that the family has in dimension ``d``; "auto" stays.

    Raises
    ------
    InputError
        On an unknown name, one of an orientation for the diagonal family, or one letter in more than one dimension.
    """
    if (family, structure) == ("diagonal", "full"):  # all that the family has
        return "diagonal"
    if structure.lower() == "auto":
        return "auto"
    model = CovarianceModel.of(structure)
    if family == "diagonal" and model.name[2] != "I":
        own = ", ".join([*(word for word in IN_WORDS if IN_WORDS[word][2] == "I"), *models_of(family, 2)])
        raise InputError(f"unknown structure {structure!r}; the diagonal family has {own} and auto")
    if structure.upper() in ON_THE_LINE and d > 1:
        raise InputError(
            f"structure {structure!r} is one of columns alone, got {d}: name volume, shape and orientation, as in "
            f"{model.name}, {structure.upper()}EE or {structure.upper()}VV"
        )
    return structure if structure in IN_WORDS else model.name


def models_of(family: str, d: int) -> tuple[str, ...]:
    """The models that differ in dimension ``d``, simplest first."""
    names = MODELS if d > 1 else tuple(ON_THE_LINE.values())
    return tuple(name for name in names if family != "diagonal" or name[2] == "I")


def structure_in_words(structure: str, offered: tuple[str, ...], reason: str) -> str:
    """The structure in words that ``structure`` stands for, one of those ``offered`` ("VVV" is "full").

    Raises
    ------
    InputError
        On any other; where it is one of the fourteen models, or "auto", the message gives the ``reason``.

    Examples
    --------
    >>> structure_in_words("vvi", ("full", "diagonal"), "labels have two")
    'diagonal'
    """
    shown = ", ".join(f"{word} ({IN_WORDS[word]})" for word in offered)
    model = structure.upper() if structure.lower() == "auto" else CovarianceModel.of(structure).name
    word = _STORED.get(model, "")
    if word not in offered:
        raise InputError(f"{reason}; structures here are {shown}, got {structure!r}")
    return word


@dataclass(frozen=True, slots=True)
class CovarianceModel:
    """One of the fourteen, by its ``name`` of three letters."""

    name: str

    @classmethod
    def of(cls, structure: str) -> CovarianceModel:
        """The model of a name of three letters, of one in words ("full") or, on the line, of one letter.

        Raises
        ------
        InputError
            On any other name; the message lists them.
        """
        if structure in IN_WORDS:
            return cls(IN_WORDS[structure])
        name = structure.upper()
        name = ON_THE_LINE.get(name, name)
        if name not in MODELS:
            words, models = ", ".join(IN_WORDS), ", ".join(IN_WORDS.values())
            raise InputError(
                f"unknown structure {structure!r}; structures are {words} (or {models}), {', '.join(MODELS)} and auto"
            )
        return cls(name)

    @property
    def stored(self) -> str:
        """How its covariances are kept: "full" (k, d, d), "tied" (d, d), "diagonal" or "spherical" (k, d)."""
        return _STORED.get(self.name) or ("diagonal" if self.name[2] == "I" else "full")

    @property
    def kernel(self) -> str:
        """What the compiled loop calls it."""
        return _STORED.get(self.name, self.name)

    @property
    def spherical(self) -> bool:
        """Whether a covariance is a number times the identity."""
        return self.name[1] == "I"

    @property
    def free(self) -> bool:
        """Whether every component has a covariance of its own, without any condition."""
        return self.name == "VVV"

    @property
    def in_words(self) -> bool:
        """Whether it is one of the four that have a name in words: the sums of a pass give its covariances."""
        return self.name in _STORED

    def shown(self, d: int) -> str:
        """Its name in dimension ``d``: one letter on the line, where only the volume is left."""
        return self.name if d > 1 else self.name[0]

    def free_parameters(self, k: int, d: int) -> int:
        """How many numbers k covariances in dimension d choose: volumes, shapes and angles.

        Examples
        --------
        >>> [CovarianceModel(name).free_parameters(3, 2) for name in ("EII", "EEE", "EEV", "VVV")]
        [1, 3, 5, 9]
        """
        volume, shape, turn = self.name
        if d == 0:
            return 0
        each, angles = d - 1, d * (d - 1) // 2
        return (
            (k if volume == "V" else 1)
            + {"I": 0, "E": each, "V": k * each}[shape]
            + {"I": 0, "E": angles, "V": k * angles}[turn]
        )

    def own_rows(self, d: int) -> int:
        """How many rows of one component determine what of a covariance is its own; 0 where nothing is."""
        volume, shape, turn = self.name if d > 1 else (self.name[0], "I", "I")
        return d + 1 if shape == turn == "V" else 2 if "V" in (volume, shape) else 0

    def few_rows(self, rows: np.ndarray, d: int) -> str:
        """Why so many rows of each component, (k,), do not determine the covariances, in words; empty where they do."""
        _, shape, turn = self.name if d > 1 else (self.name[0], "I", "I")
        k, own = len(rows), self.own_rows(d)
        if own and rows.min() < own:
            low = int((rows < own).sum())
            return f"{low} of {k} components have fewer than the {own} rows that determine one"
        least = d if shape == turn == "E" else 1
        if shape != "V" and (free := float(rows.sum()) - k) < least:
            return f"{free:.0f} rows more than means do not determine a covariance in dimension {d}"
        if shape == "E" and turn == "V" and rows.max() < d + 1:
            return f"no component has the {d + 1} rows that determine a shape"
        return ""
