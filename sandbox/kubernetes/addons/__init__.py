"""What every cluster has from its start, as manifests: access, DNS, metrics and storage classes."""
