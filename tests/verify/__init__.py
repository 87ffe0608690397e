"""How what was seen is read."""
