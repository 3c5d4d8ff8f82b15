"""Barycenters by multi-marginal transport."""
