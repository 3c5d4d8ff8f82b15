"""Fits of two data sets together."""
