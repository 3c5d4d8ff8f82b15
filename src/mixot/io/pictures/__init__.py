"""Pictures on disk: 8 and 16 bits, grey and color, with transparency, upright, their colors those of sRGB."""

from mixot.io.pictures.formats import SUFFIXES as SUFFIXES
from mixot.io.pictures.frames import Frames as Frames
from mixot.io.pictures.frames import read_frames as read_frames
from mixot.io.pictures.frames import write_frames as write_frames
from mixot.io.pictures.metadata import Metadata as Metadata
from mixot.io.pictures.picture import Picture as Picture
from mixot.io.pictures.reading import read_picture as read_picture
from mixot.io.pictures.writing import check_picture_target as check_picture_target
from mixot.io.pictures.writing import write_picture as write_picture
