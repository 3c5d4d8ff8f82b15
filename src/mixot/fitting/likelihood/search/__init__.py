"""The search for the best run, number of components and covariance model."""
