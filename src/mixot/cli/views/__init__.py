"""How plans are shown: one view a kind, with its facts for machines, lines for people, table and figure."""
