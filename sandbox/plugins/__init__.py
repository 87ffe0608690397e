"""Stand-ins for Pulumi plugins, for places that the official ones cannot reach.

`install(home)` makes a folder that serves as PULUMI_HOME: the unchanged Pulumi CLI finds the language host
and the providers there as if it had downloaded them.
"""

from sandbox.plugins.installation import PLUGINS, Plugin, install, link

__all__ = ["PLUGINS", "Plugin", "install", "link"]
