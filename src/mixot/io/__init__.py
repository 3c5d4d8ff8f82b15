"""Files in and out: whatever can be read becomes a measure, and whatever is written is whole or not there."""

from mixot.formulas.line.cytometry_scales import Asinh, Logicle
from mixot.io.atomic import check_folder, check_target, replacing
from mixot.io.h5ad import read_observations
from mixot.io.models import load, save
from mixot.io.observations import Observations
from mixot.io.pictures import Frames, Metadata, Picture, read_frames, read_picture, write_frames, write_picture
from mixot.io.reading import kind_of, read
from mixot.io.tables import Table, read_table, write_table

__all__ = [
    "Asinh",
    "Frames",
    "Logicle",
    "Metadata",
    "Observations",
    "Picture",
    "Table",
    "check_folder",
    "check_target",
    "kind_of",
    "load",
    "read",
    "read_frames",
    "read_observations",
    "read_picture",
    "read_table",
    "replacing",
    "save",
    "write_frames",
    "write_picture",
    "write_table",
]
