"""Which two measures make which problem, and what a plan gives: maps, paths, averages, bounds, gradients."""
