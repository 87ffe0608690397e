"""The unchanged Pulumi program under the real engine, with no account, token or download site.

`run` runs one Pulumi command on one stack: state in a folder of the user's, a passphrase nobody has to know, plugins
that are official where they can be had and stand-ins where not, and an emulated Linode account unless the user has
a real one. The checkout is only read.
"""

from sandbox.engine.plugins import Mode
from sandbox.engine.project import Project
from sandbox.engine.run import EngineError, LinodeCredentials, Request, ask, run
from sandbox.engine.workspace import Workspace

__all__ = ["EngineError", "LinodeCredentials", "Mode", "Project", "Request", "Workspace", "ask", "run"]
