"""What Karmada's own resources report in the state: storage, firewalls, keys of encryption at rest, backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.disruptions import REQUIRED
from fleet.karmada import encryption, firewall, volume
from fleet.karmada.values import encryption_given
from fleet.naming import KARMADA
from fleet.state import PROVIDER, RELEASE, SECRET, content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.state import State

RANDOM_BYTES: Final = "random:index/randomBytes:RandomBytes"
FIREWALL: Final = "linode:index/firewall:Firewall"
SERVICE_PATCH: Final = "kubernetes:core/v1:ServicePatch"
VOLUME_PATCH: Final = "kubernetes:core/v1:PersistentVolumePatch"
BUCKET: Final = "linode:index/objectStorageBucket:ObjectStorageBucket"

Facts = dict[str, Any]


def facts(found: State, ids: Mapping[str, int], told: Mapping[str, Any]) -> Facts:
    """What is deployed of Karmada. `ids` are the clusters' at Linode, `told` is what an earlier Fleet recorded."""
    managers = {f"{KARMADA}-{number}": name for name, number in ids.items()}
    return {
        "etcd": _etcd(found, managers),
        "karmadaFirewall": _firewall(found, managers),
        "encryption": _encryption(found, told),
        "backups": found.get(BUCKET, f"{KARMADA}-backup-bucket"),
        "keysInIds": list(_keys_in_ids(found)),
        "apiServersShare": _api_servers_share(found),
        "etcdVolumeHeld": _etcd_volume_held(found),
    }


def _etcd(found: State, managers: Mapping[str, str]) -> Facts | None:
    """The claims that its StatefulSet was made with, by the release; the manager by the provider of Karmada's API."""
    release, provider = found.get(RELEASE, f"{KARMADA}-release"), found.get(PROVIDER, f"{KARMADA}-provider")
    manager = managers.get(str((provider or {}).get("clusterIdentifier")))
    if release is None or manager is None or "etcd" not in (release.get("values") or {}):
        return None
    storage = volume.claimed(release["values"])
    return {"manager": manager} | dict(storage) if storage else None


def _firewall(found: State, managers: Mapping[str, str]) -> Facts | None:
    """The firewall of the manager's nodes has the node port's sources, and the NodeBalancer's annotation the others."""
    nodes = found.get(FIREWALL, f"{KARMADA}-firewall-nodes")
    balancer = found.get(SERVICE_PATCH, f"{KARMADA}-firewall-balancer") or {}
    if nodes is None or str(nodes.get("label")) not in managers:
        return None
    return {
        "manager": managers[nodes["label"]],
        "linodes": nodes.get("linodes") or [],
        "sources": firewall.sources(nodes.get("inbounds") or [], (balancer.get("metadata") or {}).get("annotations")),
    }


def _encryption(found: State, told: Mapping[str, Any]) -> Facts | None:
    """The keys that Karmada's API servers were given, and those by which something may be encrypted."""
    writing = found.kept(encryption.RECORD).get("writing") or (told.get("encryption") or {}).get("writing")
    release, secret = found.get(RELEASE, f"{KARMADA}-release"), found.get(SECRET, f"{KARMADA}-encryption-config")
    if not writing or secret is None or release is None:
        return None
    text = content(secret, encryption.SECRET_KEY)
    if encryption_given(release.get("values") or {}) != encryption.fingerprint(text):
        # The API servers started with others than are in the Secret now. The one that wrote is certainly among them.
        return {"keys": [writing], "writing": writing}
    keys = _keys(text) or [writing]
    return {"keys": keys, "writing": writing, "others": [keys[0]] if keys[0] != writing else []}


def _keys(text: str) -> list[str]:
    try:
        return [name.rpartition("-")[0] for name in encryption.key_names(text)]
    except ValueError:
        return []


def _keys_in_ids(found: State) -> Iterator[str]:
    """The keys that are RandomBytes, whose id is what they are (pulumi-random, computeRandomBytesID)."""
    for kind, name in found.resources:
        if kind == RANDOM_BYTES and name.startswith(encryption.KEY_PREFIX):
            yield name.removeprefix(encryption.KEY_PREFIX)


def _api_servers_share(found: State) -> bool:
    """An earlier Fleet left them with the chart's anti-affinity, by which each keeps every other one off its node."""
    release = found.get(RELEASE, f"{KARMADA}-release")
    if release is None:
        return True
    affinity = ((release.get("values") or {}).get("apiServer") or {}).get("affinity") or {}
    terms = (affinity.get("podAntiAffinity") or {}).get(REQUIRED)
    return terms is not None and all(term.get("matchLabelKeys") for term in terms)


def _etcd_volume_held(found: State) -> bool:
    """An earlier Fleet gave it to Karmada's namespace, whose deletion has to be waited for then."""
    patch = found.get(VOLUME_PATCH, f"{KARMADA}-etcd-volume-owned")
    if patch is None:
        return found.get(RELEASE, f"{KARMADA}-release") is None
    return volume.HOLDER in [owner.get("name") for owner in (patch.get("metadata") or {}).get("ownerReferences") or ()]
