"""Files in and out (scaffold)."""
