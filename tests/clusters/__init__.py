"""Tests of the sandbox's clusters that need no privileges."""
