"""Helm releases: a chart as one resource."""

from sandbox.plugins.kubernetes.helm.executable import Helm
from sandbox.plugins.kubernetes.helm.release_type import ReleaseType

__all__ = ["Helm", "ReleaseType"]
