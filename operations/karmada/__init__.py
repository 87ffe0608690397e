"""Backups of what users have submitted to Karmada: sealed snapshots of its etcd, in a bucket of their own."""
