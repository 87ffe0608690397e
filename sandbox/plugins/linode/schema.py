"""LkeCluster's properties.

Names and types are pulumi-linode's; what is optional and computed, forced to be replaced, or a set, is from
terraform-provider-linode (linode/lke/schema_resource.go).
"""

from __future__ import annotations

from typing import Final

from sandbox.plugins.framework.schema import Kind, Property, Schema, Use


def _strings(*, use: Use = Use.OPTIONAL) -> Property:
    return Property(kind=Kind.SET, use=use, items=Property(kind=Kind.STRING))


_NODE: Final[Schema] = {
    "id": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "instanceId": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
    "status": Property(kind=Kind.STRING, use=Use.OUTPUT),
}

_TAINT: Final[Schema] = {
    "effect": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "key": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "value": Property(kind=Kind.STRING, use=Use.REQUIRED),
}

_AUTOSCALER: Final[Schema] = {
    "max": Property(kind=Kind.INTEGER, use=Use.REQUIRED),
    "min": Property(kind=Kind.INTEGER, use=Use.REQUIRED),
}

_POOL: Final[Schema] = {
    "type": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "autoscaler": Property(kind=Kind.OBJECT, fields=_AUTOSCALER),
    "count": Property(kind=Kind.INTEGER, use=Use.FILLED),
    "diskEncryption": Property(kind=Kind.STRING, use=Use.FILLED),
    "firewallId": Property(kind=Kind.INTEGER, use=Use.FILLED),
    "k8sVersion": Property(kind=Kind.STRING, use=Use.FILLED),
    "label": Property(kind=Kind.STRING, default=""),
    "labels": Property(kind=Kind.MAP),
    "tags": _strings(),
    "taints": Property(kind=Kind.SET, items=Property(kind=Kind.OBJECT, fields=_TAINT)),
    "updateStrategy": Property(kind=Kind.STRING, use=Use.FILLED),
    "id": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
    "nodes": Property(kind=Kind.LIST, use=Use.OUTPUT, items=Property(kind=Kind.OBJECT, fields=_NODE)),
}

_ADDRESSES: Final[Schema] = {"ipv4s": _strings(use=Use.FILLED), "ipv6s": _strings(use=Use.FILLED)}

_ACL: Final[Schema] = {
    "addresses": Property(kind=Kind.LIST, use=Use.FILLED, items=Property(kind=Kind.OBJECT, fields=_ADDRESSES)),
    "enabled": Property(kind=Kind.BOOLEAN, use=Use.FILLED),
}

_CONTROL_PLANE: Final[Schema] = {
    "acl": Property(kind=Kind.OBJECT, use=Use.FILLED, fields=_ACL),
    "auditLogsEnabled": Property(kind=Kind.BOOLEAN, use=Use.FILLED),
    "highAvailability": Property(kind=Kind.BOOLEAN, use=Use.FILLED),
}

LKE_CLUSTER: Final[Schema] = {
    "k8sVersion": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "label": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "region": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
    "aplEnabled": Property(kind=Kind.BOOLEAN, use=Use.FILLED, force_new=True),
    "controlPlane": Property(kind=Kind.OBJECT, use=Use.FILLED, fields=_CONTROL_PLANE),
    "externalPoolTags": _strings(),
    "pools": Property(kind=Kind.LIST, items=Property(kind=Kind.OBJECT, fields=_POOL)),
    "stackType": Property(kind=Kind.STRING, use=Use.FILLED),
    "subnetId": Property(kind=Kind.INTEGER, use=Use.FILLED),
    "tags": _strings(use=Use.FILLED),
    "tier": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
    "vpcId": Property(kind=Kind.INTEGER, use=Use.FILLED),
    "apiEndpoints": Property(kind=Kind.LIST, use=Use.OUTPUT, items=Property(kind=Kind.STRING)),
    "kubeconfig": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
    "status": Property(kind=Kind.STRING, use=Use.OUTPUT),
}
