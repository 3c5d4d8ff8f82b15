"""Transport between finitely many atoms."""
