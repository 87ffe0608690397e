"""What is started and stopped on this machine: a sandbox, and the whole fleet on it.

- `lifecycle`: a sandbox up and down; `daemon` keeps it going, `health` looks at it, `forwarding` leads into it.
- `stages`, `target`: the fleet on it. `sandbox_commands`, `fleet_commands`: what the command line has of both.
"""
