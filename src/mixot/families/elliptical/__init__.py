"""Families that affine maps keep or widen: Gaussian, diagonal Gaussian, Student."""
