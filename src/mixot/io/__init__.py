"""Files in and out: whatever can be read becomes a measure, and whatever is written is whole or not there."""

from mixot.io.atomic import check_folder as check_folder
from mixot.io.atomic import check_target as check_target
from mixot.io.atomic import replacing as replacing
from mixot.io.h5ad import read_observations as read_observations
from mixot.io.models import load as load
from mixot.io.models import save as save
from mixot.io.observations import Observations as Observations
from mixot.io.pictures import Picture as Picture
from mixot.io.pictures import read_picture as read_picture
from mixot.io.pictures import write_picture as write_picture
from mixot.io.reading import kind_of as kind_of
from mixot.io.reading import read as read
from mixot.io.tables import Table as Table
from mixot.io.tables import read_table as read_table
from mixot.io.tables import write_table as write_table
