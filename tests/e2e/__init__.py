"""The whole, on real pods."""
