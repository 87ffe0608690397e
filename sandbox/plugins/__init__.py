"""Stand-ins for Pulumi plugins, for places that the official ones cannot reach."""
