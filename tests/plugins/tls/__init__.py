"""The tls stand-in."""
