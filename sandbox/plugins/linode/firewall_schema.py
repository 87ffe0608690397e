"""The properties of Firewall and FirewallDevice.

Names and types are pulumi-linode's; what is optional and computed, has a default, or forces a replacement is from
terraform-provider-linode (linode/firewall/framework_schema_resource.go, linode/firewalldevice).
"""

from __future__ import annotations

from typing import Final

from sandbox.plugins.framework.schema import Kind, Property, Schema, Use

_NETWORKS: Final = Property(kind=Kind.LIST, items=Property(kind=Kind.STRING))
_IDS: Final = Property(kind=Kind.SET, use=Use.FILLED, items=Property(kind=Kind.INTEGER))

_RULE: Final[Schema] = {
    "action": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "label": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "protocol": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "description": Property(kind=Kind.STRING, default=""),
    "ipv4s": _NETWORKS,
    "ipv6s": _NETWORKS,
    "ports": Property(kind=Kind.STRING),
}

_DEVICE: Final[Schema] = {
    "entityId": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
    "id": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
    "label": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "type": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "url": Property(kind=Kind.STRING, use=Use.OUTPUT),
}

FIREWALL: Final[Schema] = {
    "inboundPolicy": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "label": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "outboundPolicy": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "disabled": Property(kind=Kind.BOOLEAN, default=False),
    "inbounds": Property(kind=Kind.LIST, items=Property(kind=Kind.OBJECT, fields=_RULE)),
    "interfaces": _IDS,
    "linodes": _IDS,
    "nodebalancers": _IDS,
    "outbounds": Property(kind=Kind.LIST, items=Property(kind=Kind.OBJECT, fields=_RULE)),
    "tags": Property(kind=Kind.SET, default=[], items=Property(kind=Kind.STRING)),
    "created": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "devices": Property(kind=Kind.LIST, use=Use.OUTPUT, items=Property(kind=Kind.OBJECT, fields=_DEVICE)),
    "fingerprint": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "status": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "updated": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "version": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
}

FIREWALL_DEVICE: Final[Schema] = {
    "entityId": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
    "firewallId": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
    "entityType": Property(kind=Kind.STRING, default="linode", force_new=True),
    "created": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "updated": Property(kind=Kind.STRING, use=Use.OUTPUT),
}
