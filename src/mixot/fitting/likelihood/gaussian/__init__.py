"""E and M steps of Gaussian mixtures, whatever volumes, shapes and axes their covariances share."""
