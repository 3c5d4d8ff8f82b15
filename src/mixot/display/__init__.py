"""How results look: a line in a terminal, a small card with a picture in a notebook.

Functions here read what a result has, and are asked by its ``__repr__`` and ``_repr_html_``.
"""
