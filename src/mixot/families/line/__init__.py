"""Families on the line, and what they share."""
