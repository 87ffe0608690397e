"""What runs on the fleet: one entry of the config is one component, and no other place names a workload.

- `objects`, `pods`, `overrides`: an entry as Kubernetes objects, and what is otherwise in each member. Pure functions.
- `namespace`: a namespace in Karmada and in every member, in which nobody calls anybody unless an entry says so.
- `workload`: an entry's identities, callers, traffic, ingress, placement and submission; `workloads`: all of them.
- `former`: by which URNs an earlier Fleet had the same; `reported`: what the state has of it.
"""
