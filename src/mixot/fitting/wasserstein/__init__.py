"""The mixture at least Wasserstein distance from points or a density."""
