"""Gaussian laws: costs, maps, barycenters, divergences, integrals over cells."""
