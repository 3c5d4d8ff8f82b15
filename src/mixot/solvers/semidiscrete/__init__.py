"""Transport between points and a density."""
