"""What the stack exports: addresses in plain text, kubeconfigs as secrets.

Nothing here is what the next update starts from (fleet/running.py). What is deployed is taken from what resources
report, so that an update which leaves some alone says nothing of them that is not so.
"""

from collections.abc import Mapping
from typing import Any

from pulumi import Output

from fleet.karmada.federation import Federation
from fleet.lke.cluster import LkeCluster
from fleet.mesh.mesh import Mesh
from fleet.naming import KARMADA


def exported(clusters: Mapping[str, LkeCluster], federation: Federation | None, mesh: Mesh | None) -> dict[str, Any]:
    """Outputs by name; those of a layer that is not built are empty."""
    gateways = mesh.east_west_gateways if mesh else {}
    ingresses = mesh.ingress_gateways if mesh else {}
    return {
        "clusters": [
            {
                "name": name,
                "region": cluster.region,
                "network": cluster.spec.network,
                "acl": cluster.acl,
                "expelled": cluster.spec.expelled,
                "joined": federation is not None and name in federation.clusters,
                "version": cluster.version,
                "pools": cluster.pools,
            }
            for name, cluster in clusters.items()
        ],
        "versions": {
            "karmada": federation.control_plane.version if federation else None,
            "istio": {name: istio.version for name, istio in (mesh.primaries if mesh else {}).items()},
        },
        "etcd": federation.control_plane.etcd if federation else None,
        "karmadaFirewall": federation.control_plane.firewall if federation else None,
        "encryption": federation.control_plane.encryption if federation else None,
        "failover": federation is not None and federation.failover is not None,
        "backups": federation.backup.place if federation and federation.backup else None,
        "meshRoots": {"trusted": mesh.roots} if mesh else None,
        "nodeIps": {name: cluster.node_ips for name, cluster in clusters.items()},
        "kubeconfigs": Output.secret({name: cluster.kubeconfig for name, cluster in clusters.items()}),
        "viewKubeconfigs": Output.secret(
            {name: cluster.view_kubeconfig for name, cluster in clusters.items() if cluster.view_kubeconfig}
            | ({KARMADA: federation.control_plane.view_kubeconfig} if federation else {})
        ),
        "karmadaEndpoint": federation.control_plane.endpoint if federation else None,
        "karmadaKubeconfig": federation.control_plane.kubeconfig if federation else None,
        "eastWestGateways": {name: gateway.address for name, gateway in gateways.items()},
        "ingresses": {name: gateway.address for name, gateway in ingresses.items()},
    }
