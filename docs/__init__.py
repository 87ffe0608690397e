"""Documentation, and the programs that draw it."""
