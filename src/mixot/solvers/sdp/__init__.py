"""Semidefinite programs with proven bounds."""
