"""The fleet platform as Pulumi components."""
