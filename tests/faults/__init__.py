"""Faults of a running fleet, each a file: what is steady, what is done, what must hold, and by when."""
