"""The sandbox's internet: a bridge in a namespace of its own, and whoever is attached to it."""
