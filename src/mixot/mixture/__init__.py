"""Mixtures of laws of one family, and the names that their coordinates share with those of other measures."""

from mixot.mixture.alignment import aligned as aligned
from mixot.mixture.alignment import aligned_all as aligned_all
from mixot.mixture.alignment import check_squares as check_squares
from mixot.mixture.alignment import columns_of as columns_of
from mixot.mixture.mixture import Mixture as Mixture
