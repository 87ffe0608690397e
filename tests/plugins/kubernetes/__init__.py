"""The official Kubernetes provider."""
