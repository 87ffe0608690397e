"""Policies, by calling them."""
