"""What stands in a text: letters, rows, a header, and how numbers are written."""
