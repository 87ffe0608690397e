"""A node: its machine, the programs in it, and the files that they read."""
