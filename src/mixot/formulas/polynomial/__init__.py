"""Moments, polynomials and the regions that they describe."""
