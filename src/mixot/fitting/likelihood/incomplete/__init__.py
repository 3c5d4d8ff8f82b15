"""EM on rows that are seen in part, or with noise of known covariance."""
