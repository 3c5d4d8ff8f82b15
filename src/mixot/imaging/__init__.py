"""Transport between mixtures, put to work on pictures."""
