"""Backups of what users have submitted to Karmada: snapshots of its etcd, in the bucket where the state is."""
