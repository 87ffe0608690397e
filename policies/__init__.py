"""Policies as resources: where workloads run and who may call whom."""
