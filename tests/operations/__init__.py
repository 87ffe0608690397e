"""Tests of `python -m operations`."""
