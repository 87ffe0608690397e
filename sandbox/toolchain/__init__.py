"""Tools that are found on PATH or built from Go modules, and the cache of them."""
