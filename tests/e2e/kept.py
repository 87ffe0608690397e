"""What an update of Fleet may not replace: what of it there is, as its owners see it, and what of it is gone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from fleet.karmada.encryption import KEY_PREFIX
from fleet.naming import DEFAULT_NAMESPACE
from plan.steps import FIREWALL, LKE_CLUSTER, SERVICE, VOLUME, VOLUME_CLAIM, name_of
from tests.article import HELLO, SLEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sandbox.verify.member import Client

PRIVATE_KEY: Final = "tls:index/privateKey:PrivateKey"
CERTIFICATES: Final = ("tls:index/selfSignedCert:SelfSignedCert", "tls:index/locallySignedCert:LocallySignedCert")
ENCRYPTION_KEY: Final = "random:index/randomBytes:RandomBytes"
BUCKET: Final = "linode:index/objectStorageBucket:ObjectStorageBucket"
BUCKET_KEY: Final = "linode:index/objectStorageKey:ObjectStorageKey"
KEPT: Final = frozenset({LKE_CLUSTER, VOLUME_CLAIM, VOLUME, SERVICE, FIREWALL, ENCRYPTION_KEY, BUCKET, BUCKET_KEY})
"""The types of resources that no plan may replace, beside all of the plugin tls."""
_BY_ID: Final[Mapping[str, str]] = {LKE_CLUSTER: "cluster", BUCKET: "bucket", FIREWALL: "firewall"}
"""The kinds of what Linode knows by an id."""
_BY_CONTENT: Final[Mapping[str, tuple[str, str]]] = {
    PRIVATE_KEY: ("private key", "privateKeyPem"),
    ENCRYPTION_KEY: ("encryption key", "base64"),
    BUCKET_KEY: ("bucket key", "secretKey"),
    **dict.fromkeys(CERTIFICATES, ("certificate", "certPem")),
}
"""The kinds of what is another one where an output is, and which output that is."""
_REPLACING: Final = frozenset({"replace", "create-replacement", "delete-replaced"})

Thing = tuple[str, str]
"""Its kind, and its name among those of its kind."""


def resources(exported: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What a state has of every resource that a provider manages, by URN."""
    return {
        resource["urn"]: (resource.get("id"), resource.get("inputs"), resource.get("outputs"))
        for resource in exported["deployment"]["resources"]
        if resource.get("custom")
    }


def in_state(exported: Mapping[str, Any]) -> dict[Thing, str]:
    """Whatever of a stack may not become another one, by kind and name; its secrets are in the clear in what is given.

    A key or certificate is told by a digest: what is compared may be printed.
    """
    found: dict[Thing, str] = {}
    for resource in exported["deployment"]["resources"]:
        kind, name = resource["type"], name_of(resource["urn"])
        if kind in _BY_ID:
            found[_BY_ID[kind], name] = f"{kind} {resource['id']}"
        elif kind in _BY_CONTENT:
            called, output = _BY_CONTENT[kind]
            found[called, name] = _digest(resource["outputs"][output])
    return found


def _digest(value: Any) -> str:
    # One that is marked as a secret is a mapping; the mark may come with an update.
    plain = json.loads(value["plaintext"]) if isinstance(value, dict) else value
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def encrypts(things: Iterable[Thing]) -> bool:
    """Whether a fleet with these things encrypts at rest."""
    return any(kind == _BY_CONTENT[ENCRYPTION_KEY][0] or KEY_PREFIX in name for kind, name in things)


def in_clusters(clusters: Mapping[str, Client], karmada: Client) -> dict[Thing, str]:
    """The nodes, volumes, addresses and workload pods of the clusters by name, and Karmada's members.

    Raises:
        CommandError: one cannot be asked.

    """
    found = dict(_of_karmada(karmada.get("clusters.cluster.karmada.io")["items"]))
    for cluster, client in clusters.items():
        things = client.get("nodes,persistentvolumes,persistentvolumeclaims,services", "--all-namespaces")["items"]
        selector = f"--selector=app in ({HELLO}, {SLEEP})"
        pods = client.get("pods", selector, f"--namespace={DEFAULT_NAMESPACE}")["items"]
        found |= dict(of_objects(cluster, [*things, *pods]))
    return found


def of_objects(cluster: str, objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Thing, str]]:
    """What counts of a cluster's objects: addresses by what has them, all else by what it is."""
    for thing in objects:
        metadata, status = thing["metadata"], thing.get("status", {})
        name = "/".join(part for part in (cluster, metadata.get("namespace"), metadata["name"]) if part)
        match thing["kind"]:
            case "Node":
                addresses = [entry["address"] for entry in status["addresses"] if entry["type"] == "ExternalIP"]
                yield ("node", name), " ".join([metadata["uid"], *addresses])
            case "PersistentVolume" | "PersistentVolumeClaim":
                yield ("volume" if thing["kind"] == "PersistentVolume" else "claim", name), metadata["uid"]
            case "Service" if ingress := status.get("loadBalancer", {}).get("ingress"):
                # The sandbox gives an address to the next that asks; at Linode it is lost with the Service.
                yield ("load balancer", name), " ".join([metadata["uid"], *(entry["ip"] for entry in ingress)])
            case "Pod":
                restarts = sum(entry["restartCount"] for entry in status.get("containerStatuses", ()))
                yield ("pod", name), f"{metadata['uid']} restarted {restarts} times"


def _of_karmada(members: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Thing, str]]:
    for member in members:
        name = member["metadata"]["name"]
        yield ("member", name), str(member["metadata"]["uid"])
        for condition in member.get("status", {}).get("conditions", ()):
            if condition["type"] == "Ready":
                # This time is of the last change, so that no look is needed at the moment of one.
                yield ("readiness", name), f"{condition['status']} since {condition['lastTransitionTime']}"


def lost(before: Mapping[Thing, str], after: Mapping[Thing, str], let_go: Iterable[str] = ()) -> list[str]:
    """What is not there any more, or is another one, in words. What only goes by another name is the same.

    What is let go of is named as it was.
    """
    there = {(kind, identity) for (kind, _), identity in after.items()}
    found = []
    for (kind, name), identity in sorted(before.items()):
        if (kind, identity) not in there and name not in let_go:
            found.append(f"{kind} {name}: was {identity}, is {after.get((kind, name), 'gone')}")
    return found


def replaced(steps: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The resources that a plan replaces, by URN, each with the properties that it is for.

    Steps are those of `preview --json`, which has several for one replacement.
    """
    found: dict[str, list[str]] = {}
    for step in steps:
        if step["op"] in _REPLACING:
            reasons = found.setdefault(step["urn"], [])
            reasons += [reason for reason in step.get("replaceReasons") or () if reason not in reasons]
    return found


def type_of(urn: str) -> str:
    """A resource's own type: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""
    return urn.split("::")[2].rpartition("$")[2]


def forbidden(steps: Iterable[Mapping[str, Any]], let_go: Iterable[str] = ()) -> list[str]:
    """What a plan replaces and may not, in words."""
    return [
        f"{type_of(urn)} {name_of(urn)} for its {', '.join(reasons) or 'deletion'}"
        for urn, reasons in sorted(replaced(steps).items())
        if name_of(urn) not in let_go and (type_of(urn) in KEPT or type_of(urn).startswith("tls:"))
    ]
