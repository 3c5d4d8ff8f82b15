"""Shapes and grey densities as mixtures in the plane: averaged, and drawn again as pictures.

A picture's ink becomes a mixture of Gaussian laws; the average of several is their barycenter under MW2, in which limbs
travel as wholes (Delon and Desolneux 2020, section 5.3).
"""

from mixot.imaging.shapes.averages import average, four_corners, path
from mixot.imaging.shapes.drawing import contact_sheet
from mixot.imaging.shapes.shape import Shape

__all__ = ["Shape", "average", "contact_sheet", "four_corners", "path"]
