"""What Linode's cloud controller and its volume driver do in a cluster: nodes, load balancers, volumes.

An ordinary client of the emulated Linode API and of the cluster: https://github.com/linode/linode-cloud-controller-manager
"""

from sandbox.clusters.cloud_controller.args import CloudControllerArgs
from sandbox.clusters.cloud_controller.controller import CloudController

__all__ = ["CloudController", "CloudControllerArgs"]
