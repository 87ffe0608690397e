"""The random stand-in."""
