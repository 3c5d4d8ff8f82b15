"""Natural recoloring: one smooth map of all colors, with bounded gain, baked into a table."""
