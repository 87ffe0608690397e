"""The toolchain: what is built and how, what the cache notices, and what a user is told when it cannot go on."""
