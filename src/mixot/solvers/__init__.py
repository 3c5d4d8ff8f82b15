"""One optimisation problem per file."""
