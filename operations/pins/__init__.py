"""Whether everything that a fleet runs by default is still published where fleet/versions.py says."""
