"""Claims about a change as data."""
