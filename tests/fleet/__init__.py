"""The whole fleet with one command, and the page about it."""
