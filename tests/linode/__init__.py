"""The emulated Linode API, by the official clients."""
