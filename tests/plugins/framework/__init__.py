"""What stand-ins are built from."""
