"""An emulated Linode API."""
