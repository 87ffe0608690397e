"""What LKE hides: etcd, the API server, the controllers and the scheduler, with the certificates that they go by."""
