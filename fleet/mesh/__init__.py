"""The mesh: certificate authority, Istio, gateways and peering."""
