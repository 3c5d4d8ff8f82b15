"""Figures: one Axes in, the same Axes out; matplotlib is imported when the first one is drawn."""

from mixot.plot.alluvial import alluvial, flow_heatmap
from mixot.plot.averages import average, barycenter_lines
from mixot.plot.canvas import COLORS, blend, save
from mixot.plot.certificates import certificate
from mixot.plot.component_choice import component_choice
from mixot.plot.densities import ellipses, mixture_density, principal_plane, shape
from mixot.plot.distances import distance_heatmap, distance_map
from mixot.plot.paths import geodesic_1d, geodesic_panels, ridges
from mixot.plot.pictures import contact_sheet
from mixot.plot.plans import plan_heatmap, plan_lines
from mixot.plot.semidiscrete import cells, displacement
from mixot.plot.stippling import stipples

__all__ = [
    "COLORS",
    "alluvial",
    "average",
    "barycenter_lines",
    "blend",
    "cells",
    "certificate",
    "component_choice",
    "contact_sheet",
    "displacement",
    "distance_heatmap",
    "distance_map",
    "ellipses",
    "flow_heatmap",
    "geodesic_1d",
    "geodesic_panels",
    "mixture_density",
    "plan_heatmap",
    "plan_lines",
    "principal_plane",
    "ridges",
    "save",
    "shape",
    "stipples",
]
