"""What a solved plan between mixtures gives: maps, geodesics, bounds."""
