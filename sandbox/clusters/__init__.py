"""Real Kubernetes clusters in network namespaces.

- `host`: processes, control groups and files of this machine. `network`: who is attached to what, and what passes.
- `images`: what nodes find in their image store. `balancers`: NodeBalancers as processes.
- `control_plane`, `node`, `cloud_controller`, `addons`: what a cluster has. `cluster` makes one of them all.
- `backend`: the emulated account's seam to them. `clients`: who asks from inside the sandbox's network.
"""
