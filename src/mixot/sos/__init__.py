"""Moment-SOS relaxations: the closest mixture as a semidefinite program, its bound, and the atoms of its answer."""
