"""Finds out what is deployed, before anything is registered: from what each resource reported, and from Linode.

What `Fleet` gave out at its end is asked only for what no resource tells: docs/decisions/0186 has the table.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from fleet import state
from fleet.deployed import Deployed
from fleet.disruptions import REQUIRED
from fleet.fields import minor
from fleet.karmada import encryption
from fleet.karmada.values import ENCRYPTION_ANNOTATION
from fleet.karmada.volume import HOLDER
from fleet.linode_clusters import LiveCluster, fetch_clusters
from fleet.naming import KARMADA
from fleet.versions import KUBERNETES_BY_ISTIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.state import State

LKE_CLUSTER: Final = "linode:index/lkeCluster:LkeCluster"
PROVIDER: Final = "pulumi:providers:kubernetes"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a type's name
ROOT: Final = "tls:index/selfSignedCert:SelfSignedCert"
INTERMEDIATE: Final = "tls:index/locallySignedCert:LocallySignedCert"
RANDOM_BYTES: Final = "random:index/randomBytes:RandomBytes"
VOLUME_PATCH: Final = "kubernetes:core/v1:PersistentVolumePatch"
JOINED: Final = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"

Facts = dict[str, Any]


def fetch() -> Deployed:
    """What is deployed now."""
    found = state.fetch()
    return deployed(found, fetch_clusters(identities(found)))


def identities(found: State) -> dict[str, int]:
    """By cluster, what Linode knows it by."""
    ids = {
        name: outputs.get("id") or (found.get(PROVIDER, f"{name}-provider") or {}).get("clusterIdentifier")
        for name, outputs in found.named(LKE_CLUSTER, "-cluster")
    }
    return {name: int(identity) for name, identity in ids.items() if identity}


def deployed(found: State, live: Mapping[str, LiveCluster]) -> Deployed:
    """What is deployed, by the state and by what Linode has of the clusters in it."""
    told: Facts = dict(found.get("fleet:index:Fleet", "fleet") or {})
    clusters = [
        _cluster(name, outputs, found, live.get(name)) for name, outputs in found.named(LKE_CLUSTER, "-cluster")
    ]
    names = {cluster["name"] for cluster in clusters}
    expelled = {cluster["name"] for cluster in clusters if cluster["expelled"]}
    return Deployed.model_validate(
        told
        | {"clusters": clusters, "versions": _versions(found, told, expelled)}
        | {"ingresses": _ingresses(found, told, expelled)}
        | _roots(found, told, expelled, names)
        | _encryption(found, told)
        | {"apiServersShare": _api_servers_share(found), "keysInIds": list(_keys_in_ids(found))}
        | {"etcdVolumeHeld": _etcd_volume_held(found)}
    )


def _cluster(name: str, outputs: Mapping[str, Any], found: State, live: LiveCluster | None) -> Facts:
    provider = found.get(PROVIDER, f"{name}-provider") or {}
    pools = outputs.get("pools") or ()
    counts = live.counts if live else {}
    acl = (outputs.get("controlPlane") or {}).get("acl") or {}
    return {
        "name": name,
        "version": outputs["k8sVersion"],
        "region": outputs.get("region"),
        "acl": bool(acl.get("enabled")),
        "expelled": provider.get("deleteUnreachable") in (True, "true"),
        "joined": found.get(JOINED, f"{name}-agent-cluster") is not None,
        "pools": [
            {
                "name": pool.get("label") or "",
                "type": pool["type"],
                "nodes": counts.get(int(pool.get("id") or 0), pool.get("count")),
            }
            for pool in pools
        ],
        "unready": sum(pool.unready for pool in live.pools.values()) if live else 0,
        "astray": list(_astray(outputs, live)) if live else [],
    }


def _astray(outputs: Mapping[str, Any], live: LiveCluster) -> Iterator[str]:
    """What Linode has otherwise than the state. Counts are left out, which an autoscaler moves."""
    if outputs["k8sVersion"] != live.version:
        yield f"Linode runs Kubernetes {live.version}, and the state has {outputs['k8sVersion']}"
    for pool in outputs.get("pools") or () if live.told_pools else ():
        there = live.pools.get(int(pool.get("id") or 0))
        name = pool.get("label") or pool["type"]
        if there is None:
            yield f"Linode has no pool {name!r}, and the state has one"
        elif (there.label, there.type) != (pool.get("label") or "", pool["type"]):
            yield f"Linode's pool {there.label!r} of {there.type} is {name!r} of {pool['type']} in the state"


def _versions(found: State, told: Facts, expelled: set[str]) -> Facts:
    before = told.get("versions") or {}
    versions: Facts = {"karmada": None, "istio": {}, "unfinished": []}
    if release := found.get(RELEASE, f"{KARMADA}-release"):
        versions["karmada"] = (release.get("values") or {}).get("karmadaImageVersion") or before.get("karmada")
        if _failed(release):
            versions["unfinished"].append(KARMADA)
    for member, release in found.named(RELEASE, "-istio-istiod"):
        if member in expelled and member not in (before.get("istio") or {}):
            # An update was done that said to forget it, and the next one does.
            continue
        versions["istio"][member] = _istio(release) or (before.get("istio") or {}).get(member)
        if _istio(release) and _failed(release):
            versions["unfinished"].append(member)
    versions["istio"] = {member: version for member, version in versions["istio"].items() if version}
    return versions


def _istio(release: Mapping[str, Any]) -> str | None:
    """The version of an istiod's chart; a chart in Istio's own sources has one that tells nothing."""
    version = str(release.get("version") or "")
    try:
        return version if ".".join(map(str, minor(version))) in KUBERNETES_BY_ISTIO else None
    except ValueError:
        return None


def _failed(release: Mapping[str, Any]) -> bool:
    return (release.get("status") or {}).get("status") not in (None, "deployed")


def _ingresses(found: State, told: Facts, expelled: set[str]) -> Facts:
    addresses = told.get("ingresses") or {}
    there = [member for member, _ in found.named(RELEASE, "-ingress-release")]
    return {member: addresses.get(member) or "" for member in there if member in addresses or member not in expelled}


def _roots(found: State, told: Facts, expelled: set[str], names: set[str]) -> Facts:
    """Which roots every member trusts by its cacerts, and which signed for any of them."""
    before = told.get("meshRoots")
    held = {member: _content(secret, "root-cert.pem") for member, secret in found.named(SECRET, "-istio-cacerts")}
    if not before and not held:
        return {}
    # An expelled member is in nobody's hands; while there is one, the others trust each other's intermediates.
    kept = {member: list(roots) for member, roots in ((before or {}).get("expelled") or {}).items()}
    kept = {member: roots for member, roots in kept.items() if member in expelled or member not in names}
    pems = {name: str(root.get("certPem") or "").strip() for name, root in _authorities(found)}
    trusted = [name for name, pem in pems.items() if pem and all(pem in bundle for bundle in held.values())]
    if expelled or not held or not trusted:
        return {"meshRoots": before | {"expelled": kept}} if before else {}
    signers = {
        name
        for name, pem in pems.items()
        for _, signed in found.named(INTERMEDIATE, "-istio-ca-intermediate-cert")
        if pem and str(signed.get("caCertPem") or "").strip() == pem
    }
    signing = (before or {}).get("signing")
    if signing not in signers:
        signing = min(signers, default=signing or trusted[0])
    return {"meshRoots": {"trusted": trusted, "signing": signing, "signers": sorted(signers), "expelled": kept}}


def _authorities(found: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, outputs in found.named(ROOT, "-cert"):
        if name.startswith("mesh-"):
            yield name.removeprefix("mesh-"), outputs


def _encryption(found: State, told: Facts) -> Facts:
    """The keys that Karmada's API servers were given, and those by which something may be encrypted."""
    before, secret = told.get("encryption"), found.get(SECRET, f"{KARMADA}-encryption-config")
    release = found.get(RELEASE, f"{KARMADA}-release")
    if not before or secret is None or release is None:
        return {}
    text = _content(secret, encryption.SECRET_KEY)
    api_server = (release.get("values") or {}).get("apiServer") or {}
    if (api_server.get("podAnnotations") or {}).get(ENCRYPTION_ANNOTATION) != encryption.fingerprint(text):
        # The API servers started with others than are in the Secret now. The one that wrote is certainly among them.
        return {"encryption": before | {"keys": [before["writing"]]}}
    keys = _keys(text) or before["keys"]
    others = [keys[0]] if keys[0] != before["writing"] else []
    return {"encryption": before | {"keys": keys, "others": others}}


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
    return HOLDER in [owner.get("name") for owner in (patch.get("metadata") or {}).get("ownerReferences") or ()]


def _keys(text: str) -> list[str]:
    try:
        return [name.rpartition("-")[0] for name in encryption.key_names(text)]
    except ValueError:
        return []


def _content(secret: Mapping[str, Any], key: str) -> str:
    encoded = (secret.get("data") or {}).get(key)
    if encoded is not None:
        return base64.b64decode(encoded).decode()
    return str((secret.get("stringData") or {}).get(key) or "")
