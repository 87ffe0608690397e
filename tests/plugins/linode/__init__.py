"""The linode stand-in."""
