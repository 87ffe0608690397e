"""The stand-in plugins, by the real engine."""
