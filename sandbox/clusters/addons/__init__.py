"""What every cluster has from its start, as manifests: access, DNS and storage classes."""
