"""The Kubernetes stand-in."""
