"""LKE clusters: made at Linode, waited for, asked, and shut to whom their ACLs do not let in.

- `cluster`: one LKE cluster with its provider, its kubeconfig and its viewer. `catalogue`: what Linode offers.
- `api_client`, `readiness`, `kubeconfig`, `addresses`: how a cluster is reached, and when.
- `linode_clusters`, `peers`: what Linode has of the stack's clusters now, and who lets whom in.
"""
