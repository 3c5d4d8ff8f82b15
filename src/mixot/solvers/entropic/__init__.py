"""Optimal mixture transport: entropic couplings of components."""
