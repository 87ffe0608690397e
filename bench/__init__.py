"""Figures: how long things take, measured by commands that anyone can repeat."""
