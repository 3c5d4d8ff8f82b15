"""Ways to fit a mixture, one per file."""
