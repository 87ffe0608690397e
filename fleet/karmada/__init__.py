"""Karmada: certificates, control plane and agents."""
