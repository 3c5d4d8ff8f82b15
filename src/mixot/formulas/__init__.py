"""Closed forms: array API, batched, differentiable, no loops over data."""
