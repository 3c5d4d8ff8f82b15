"""Readers of tables that are no plain text, one kind of file a module; each library is loaded on use."""
