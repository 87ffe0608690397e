"""Where Pulumi keeps the fleet's state: a versioned bucket of Linode Object Storage, and the key to it."""
